import { createPool, rotatingFactory, type PoolOptions } from '@rekey/ioredis/pool'
import genericPool from 'generic-pool'
import { describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { directoryFactory, DirectoryClient } from './directory-client.ts'
import { counts, ending, openDirectory } from './directory-stage.ts'

type Destroy = (client: DirectoryClient) => Promise<void>

interface Asked {
  readonly options?: PoolOptions & { destroyTimeoutMillis?: number }
  readonly destroy?: Destroy
  readonly validate?: (client: DirectoryClient) => Promise<boolean>
}

type Way = (stage: Stage, asked?: Asked) => genericPool.Pool<DirectoryClient>

const plain = (
  stage: Stage,
  { destroy, validate }: Asked,
): genericPool.Factory<DirectoryClient> => ({
  create: () => DirectoryClient.bind(stage.address, stage.account),
  destroy: destroy ?? ((client) => client.unbind()),
  ...(validate && { validate }),
})

// What holds for the first has to hold for the others.
const ways: Record<string, Way> = {
  'generic-pool': (stage, asked = {}) => genericPool.createPool(plain(stage, asked), asked.options),
  'ours without credentials': (stage, asked = {}) => createPool(plain(stage, asked), asked.options),
  'ours with credentials': (stage, { options, ...own } = {}) =>
    createPool(
      rotatingFactory(stage.credentials, { ...directoryFactory(stage.address), ...own }),
      options,
    ),
}

describe.each(Object.entries(ways))('%s', (_, open) => {
  test("is the driver's class, by instance and by name", async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage))
    expect(pool).toBeInstanceOf(genericPool.Pool)
    expect(pool.constructor.name).toBe('Pool')
  })

  test('has one connection at most, and none at first, unless told otherwise', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage))
    const { max, min, spareResourceCapacity } = pool
    expect({ max, min, spareResourceCapacity }).toEqual({
      max: 1,
      min: 0,
      spareResourceCapacity: 1,
    })
    expect(counts(pool)).toEqual({ size: 0, available: 0, borrowed: 0, pending: 0 })
  })

  test('reads max and min in strings, and takes no min above max', async () => {
    await using stage = await openDirectory()
    const options = { max: '2', min: '3' } as unknown as PoolOptions
    await using pool = ending(open(stage, { options }))
    expect([pool.max, pool.min]).toEqual([2, 2])
    await pool.ready()
    expect(pool.available).toBe(2)
  })

  test('counts what is lent, idle and waited for', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage, { options: { max: 2 } }))
    const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
    const third = pool.acquire()
    expect(counts(pool)).toEqual({ size: 2, available: 0, borrowed: 2, pending: 1 })
    expect(pool.spareResourceCapacity).toBe(0)
    await pool.release(first)
    expect(await third).toBe(first)
    expect(pool.isBorrowedResource(first)).toBe(true)
    await pool.release(first)
    expect(pool.isBorrowedResource(first)).toBe(false)
    expect(counts(pool)).toEqual({ size: 2, available: 1, borrowed: 1, pending: 0 })
    await pool.destroy(second)
    expect(counts(pool)).toEqual({ size: 1, available: 1, borrowed: 0, pending: 0 })
  })

  test('lends the one that has been idle for longest, or the last one where fifo is off', async () => {
    await using stage = await openDirectory()
    for (const fifo of [true, false]) {
      await using pool = ending(open(stage, { options: { max: 2, fifo } }))
      const [first, second] = await Promise.all([pool.acquire(), pool.acquire()])
      await pool.release(first)
      await pool.release(second)
      const next = await pool.acquire()
      expect(next).toBe(fifo ? first : second)
      await pool.release(next)
    }
  })

  test('serves in order, and by priority before that', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage, { options: { priorityRange: 3 } }))
    const held = await pool.acquire()
    const served: string[] = []
    const callers = (
      [
        ['a', 2],
        ['b', 1],
        ['c', 0],
        ['d', 1],
        ['e', undefined],
      ] as const
    ).map(async ([name, priority]) => {
      const client = await pool.acquire(priority)
      served.push(name)
      await pool.release(client)
    })
    await pool.release(held)
    await Promise.all(callers)
    expect(served).toEqual(['c', 'e', 'b', 'd', 'a'])
  })

  test('rejects what it is given back twice, and what is not its own', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage))
    const client = await pool.acquire()
    await pool.release(client)
    const message = 'Resource not currently part of this pool'
    await expect(pool.release(client)).rejects.toThrow(message)
    await expect(pool.destroy(client)).rejects.toThrow(message)
    await expect(pool.release({} as DirectoryClient)).rejects.toThrow(message)
  })

  test('tells a caller that has waited for too long, and forgets it', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage, { options: { min: 1, acquireTimeoutMillis: 30 } }))
    // A dial on a busy machine takes longer.
    await pool.ready()
    const held = await pool.acquire()
    await expect(pool.acquire()).rejects.toMatchObject({
      name: 'TimeoutError',
      message: 'ResourceRequest timed out',
    })
    expect(pool.pending).toBe(0)
    await pool.release(held)
  })

  test('turns away who comes when as many wait as may', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage, { options: { maxWaitingClients: 1 } }))
    const held = await pool.acquire()
    const waiting = pool.acquire()
    await expect(pool.acquire()).rejects.toThrow('max waitingClients count exceeded')
    await pool.release(held)
    await pool.release(await waiting)
  })

  test('lends nothing that its test does not pass', async () => {
    await using stage = await openDirectory()
    const bad = new Set<DirectoryClient>()
    const validate = async (client: DirectoryClient): Promise<boolean> => !bad.has(client)
    await using pool = ending(open(stage, { validate, options: { testOnBorrow: true } }))
    const client = await pool.acquire()
    await pool.release(client)
    bad.add(client)
    const other = await pool.acquire()
    expect(other).not.toBe(client)
    await pool.release(other)
  })

  test('opens nothing before it is started, where autostart is off', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage, { options: { autostart: false, min: 1 } }))
    expect(pool.size).toBe(0)
    pool.start()
    await pool.ready()
    expect(counts(pool)).toEqual({ size: 1, available: 1, borrowed: 0, pending: 0 })
  })

  test('use gives back what it lent, or closes it where its function fails', async () => {
    await using stage = await openDirectory()
    await using pool = ending(open(stage))
    expect(await pool.use((client) => client.ask('WHOAMI'))).toBe(stage.account.user)
    expect(counts(pool)).toEqual({ size: 1, available: 1, borrowed: 0, pending: 0 })
    const failing = pool.use(() => Promise.reject(new Error('in use')))
    await expect(failing).rejects.toThrow('in use')
    expect(counts(pool)).toEqual({ size: 0, available: 0, borrowed: 0, pending: 0 })
  })

  test('emits what destroy could not do, also when it takes too long', async () => {
    await using stage = await openDirectory()
    const failures: [destroyTimeoutMillis: number, Destroy][] = [
      [
        60_000,
        async (client) => {
          await client.unbind()
          throw new Error('could not close')
        },
      ],
      [
        30,
        (client) =>
          new Promise((resolve) => {
            void client.unbind()
            setTimeout(resolve, 60)
          }),
      ],
    ]
    const heard: string[] = []
    for (const [destroyTimeoutMillis, destroy] of failures) {
      const options = { destroyTimeoutMillis }
      await using pool = ending(open(stage, { destroy, options }))
      const erred = new Promise<Error>((resolve) => {
        pool.once('factoryDestroyError', resolve)
      })
      await pool.destroy(await pool.acquire())
      heard.push((await erred).message)
    }
    expect(heard).toEqual(['could not close', 'destroy timed out'])
  })

  test('drain serves who waits, waits for who holds, and takes nobody new', async () => {
    await using stage = await openDirectory()
    const pool = open(stage, { options: { min: 1 } })
    const held = await pool.acquire()
    const waiting = pool.acquire()
    let isDrained = false
    const draining = pool.drain().then(() => (isDrained = true))
    await expect(pool.acquire()).rejects.toThrow('pool is draining and cannot accept work')
    await pool.release(held)
    const client = await waiting
    expect(isDrained).toBe(false)
    await pool.release(client)
    await draining
    await pool.clear()
    expect(stage.proxy.open).toBe(0)
  })
})
