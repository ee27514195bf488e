import { once } from 'node:events'
import { createCredentials, fromFunction, type CredentialsCache } from '@rekey/core'
import { createPool, rotatingFactory, type CredentialsFactory } from '@rekey/ioredis/pool'
import genericPool from 'generic-pool'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import type { DirectoryClient } from './directory-client.ts'

const failing = (attempts: { count: number }): CredentialsFactory<DirectoryClient> => ({
  create: async () => {
    attempts.count += 1
    throw new Error('no route to host')
  },
  destroy: async () => {},
})
const cache = (): CredentialsCache =>
  createCredentials(
    fromFunction(() => ({ user: 'a', password: 'b' })),
    { overlap: 60_000 },
  )

/** Milliseconds between two rounds: 50 or more, but a timer of the process may fire one early. */
const leastPause = 49

describe('a create that fails', () => {
  test('is tried again after pauses, where the driver itself makes thousands of attempts', async () => {
    await using credentials = cache()
    const stock = { count: 0 }
    const ours = { count: 0 }
    // While it tries, nobody else has a turn: it has to stop by its own count.
    const stubborn = genericPool.createPool({
      create: async () => {
        stock.count += 1
        if (stock.count === 20_000) return {} as DirectoryClient
        throw new Error('no route to host')
      },
      destroy: async () => {},
    })
    let hasAnybodyElse = false
    setImmediate(() => (hasAnybodyElse = true))
    await stubborn.acquire()
    expect(hasAnybodyElse).toBe(false)

    const pool = createPool(rotatingFactory(credentials, failing(ours)), { max: 4 })
    const begun = performance.now()
    const waiting = Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => pool.acquire()))
    await until('three rounds', () => ours.count > 8)
    // Four at a time.
    const rounds = 1 + Math.floor((performance.now() - begun) / leastPause)
    expect(ours.count).toBeLessThanOrEqual(4 * rounds)
    await pool.drain()
    expect((await waiting).map(({ status }) => status)).toEqual(Array(6).fill('rejected'))
    await pool.clear()
  })

  test('leaves who waits waiting, until acquireTimeoutMillis', async () => {
    await using credentials = cache()
    const pool = createPool(rotatingFactory(credentials, failing({ count: 0 })), {
      acquireTimeoutMillis: 100,
    })
    const errors: Error[] = []
    pool.on('factoryCreateError', (error: Error) => errors.push(error))
    await expect(pool.acquire()).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(errors[0]?.message).toBe('no route to host')
    await pool.drain()
    await pool.clear()
  })

  test('is told as it is where refused throws at it', async () => {
    await using credentials = cache()
    const factory: CredentialsFactory<DirectoryClient> = {
      ...failing({ count: 0 }),
      refused() {
        throw new TypeError('an error of another kind')
      },
    }
    const pool = createPool(rotatingFactory(credentials, factory), { acquireTimeoutMillis: 100 })
    const errors: Error[] = []
    pool.on('factoryCreateError', (error: Error) => errors.push(error))
    await expect(pool.acquire()).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(errors[0]?.message).toBe('no route to host')
    await pool.drain()
    await pool.clear()
  })

  test('does not keep drain waiting: who is in the queue hears why', async () => {
    await using credentials = cache()
    const pool = createPool(rotatingFactory(credentials, failing({ count: 0 })))
    const waiting = Promise.allSettled([pool.acquire(), pool.acquire()])
    await once(pool, 'factoryCreateError')
    await pool.drain()
    await pool.clear()
    for (const outcome of await waiting) {
      expect(outcome).toMatchObject({ reason: { message: 'no route to host' } })
    }
  })

  test("backs off in a pool of the driver's own making, too", async () => {
    await using credentials = cache()
    const attempts = { count: 0 }
    const begun = performance.now()
    const pool = genericPool.createPool(rotatingFactory(credentials, failing(attempts)), {
      acquireTimeoutMillis: 300,
    })
    await expect(pool.acquire()).rejects.toMatchObject({ name: 'TimeoutError' })
    // One at a time.
    expect(attempts.count).toBeLessThanOrEqual(1 + (performance.now() - begun) / leastPause)
  })
})
