import { createPool, rotatingFactory } from '@rekey/ioredis/pool'
import genericPool from 'generic-pool'
import { describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { directoryFactory, DirectoryClient, fullDirectoryFactory } from './directory-client.ts'
import { counts, ending, openDirectory } from './directory-stage.ts'

describe('validate', () => {
  const ways: Record<string, () => Promise<boolean>> = {
    'that rejects': () => Promise.reject(new Error('asked in vain')),
    'that throws': () => {
      throw new Error('could not ask')
    },
    'that says no': () => Promise.resolve(false),
  }
  for (const [way, validate] of Object.entries(ways)) {
    test(`${way} costs the connection, and no slot`, async () => {
      await using stage = await openDirectory()
      const factory = { ...directoryFactory(stage.address), validate }
      await using pool = ending(
        createPool(rotatingFactory(stage.credentials, factory), { max: 1, testOnBorrow: true }),
      )
      // What was dialled for the caller is tested, too: the driver would dial for ever.
      const acquiring = pool.acquire()
      await until('a third connection', () => stage.proxy.total >= 3)
      Object.assign(factory, { validate: async () => true })
      await pool.release(await acquiring)
      expect(counts(pool)).toEqual({ size: 1, available: 1, borrowed: 0, pending: 0 })
      expect(stage.proxy.peak).toBe(1)
    })
  }

  test('that is left out lets every connection pass that is not known to be closed', async () => {
    await using stage = await openDirectory()
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
        testOnBorrow: true,
      }),
    )
    const client = await pool.acquire()
    await pool.release(client)
    const again = await pool.acquire()
    expect(again).toBe(client)
    await pool.release(again)
  })
})

describe('use', () => {
  test('gives its loan back when its function throws before there is a promise', async () => {
    await using stage = await openDirectory()
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), { max: 1 }),
    )
    const thrown = pool.use(() => {
      throw new Error('before any promise')
    })
    await expect(thrown).rejects.toThrow('before any promise')
    expect(pool.borrowed).toBe(0)
    expect(await pool.use((client) => client.ask('WHOAMI'))).toBe(stage.account.user)
    expect(await pool.use(() => 'no promise at all')).toBe('no promise at all')
    expect(counts(pool)).toEqual({ size: 1, available: 1, borrowed: 0, pending: 0 })
  })

  test('takes a priority', async () => {
    await using stage = await openDirectory()
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
        max: 1,
        priorityRange: 2,
      }),
    )
    const held = await pool.acquire()
    const served: string[] = []
    const later = pool.use(() => void served.push('later'), 1)
    const sooner = pool.use(() => void served.push('sooner'), 0)
    await pool.release(held)
    await Promise.all([later, sooner])
    expect(served).toEqual(['sooner', 'later'])
  })
})

describe('max', () => {
  test('counts until the socket is closed, with the promise of destroy alone', async () => {
    await using stage = await openDirectory()
    stage.proxy.goodbyeDelay = 40
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), { max: 3 }),
    )
    for (let round = 0; round < 4; round += 1) {
      const clients = await Promise.all([1, 2, 3].map(() => pool.acquire()))
      await Promise.all(clients.map((client) => pool.destroy(client)))
      expect(pool.spareResourceCapacity).toBe(0)
    }
    expect(stage.proxy.peak).toBe(3)
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('is passed by the driver itself: the same with its own pool', async () => {
    await using stage = await openDirectory(100)
    stage.proxy.goodbyeDelay = 40
    const { account, address } = stage
    await using pool = ending(
      genericPool.createPool(
        {
          create: () => DirectoryClient.bind(address, account),
          destroy: (client) => client.unbind(),
        },
        { max: 3 },
      ),
    )
    for (let round = 0; round < 4; round += 1) {
      const clients = await Promise.all([1, 2, 3].map(() => pool.acquire()))
      await Promise.all(clients.map((client) => pool.destroy(client)))
    }
    expect(stage.proxy.peak).toBeGreaterThan(3)
  })

  test('holds where min has the pool open what it lacks', async () => {
    await using stage = await openDirectory()
    stage.proxy.goodbyeDelay = 40
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
        max: 3,
        min: 3,
        rotation: { spread: 0 },
      }),
    )
    await pool.ready()
    for (let round = 0; round < 3; round += 1) {
      await pool.destroy(await pool.acquire())
      await stage.rotate()
      await pool.drained()
    }
    await pool.ready()
    expect(pool.available).toBe(3)
    expect(stage.proxy.peak).toBe(3)
  })

  test('is not lost to a dial that hangs and hears no signal', async () => {
    await using stage = await openDirectory()
    let hangs = false
    const factory = directoryFactory(stage.address)
    const deaf: typeof factory = {
      ...factory,
      create: (credentials, signal) =>
        hangs ? new Promise(() => {}) : factory.create(credentials, signal),
    }
    const rotation = { spread: 0, closeDeadline: 20_000 }
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, deaf), { max: 2, rotation }),
    )
    await pool.use(() => {})
    hangs = true
    await stage.rotate()
    await until('the candidate', () => pool.generations[1]?.connecting === 1)
    hangs = false
    const { loginDeadline } = stage.credentials.timings
    await stage.clock.advance(loginDeadline)
    expect(pool.generations[1]?.closing).toBe(1)
    await stage.clock.advance(20_000)
    await pool.drained()
    await until('the place to be free', () => pool.generations[0]?.closing === 0)
    expect(pool.generations).toMatchObject([{ version: '2' }])
  })
})

describe('the queue', () => {
  test('turns away who comes when maxWaitingClients wait, also while sockets close', async () => {
    await using stage = await openDirectory()
    stage.proxy.goodbyeDelay = 40
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
        max: 1,
        maxWaitingClients: 1,
      }),
    )
    await pool.destroy(await pool.acquire())
    const waiting = pool.acquire()
    await expect(pool.acquire()).rejects.toThrow('max waitingClients count exceeded')
    await pool.release(await waiting)
  })

  test('does not wait for what a rotation dials', async () => {
    await using stage = await openDirectory()
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, fullDirectoryFactory(stage.address)), {
        max: 3,
        rotation: { spread: 0 },
      }),
    )
    const held = await pool.acquire()
    stage.proxy.stall()
    await stage.rotate()
    await until('the candidate', () => pool.generations[1]?.connecting === 1)
    const acquiring = pool.acquire()
    await until('a dial of the caller', () => stage.proxy.total === 3)
    stage.proxy.resume()
    await pool.release(await acquiring)
    await pool.release(held)
    await pool.drained()
  })
})

test('what the server closes while it is idle leaves the pool', async () => {
  await using stage = await openDirectory()
  await using pool = ending(
    createPool(rotatingFactory(stage.credentials, fullDirectoryFactory(stage.address)), {
      max: 2,
    }),
  )
  const client = await pool.acquire()
  await pool.release(client)
  for (const session of await stage.place.sessions()) await stage.place.kill(session)
  await client.closed
  await until('it to leave', () => pool.size === 0)
  const other = await pool.acquire()
  expect(other).not.toBe(client)
  // And what it closes while it is lent leaves when it is given back.
  for (const session of await stage.place.sessions()) await stage.place.kill(session)
  await other.closed
  await pool.release(other)
  expect(pool.size).toBe(0)
})

test('the evictor closes what was idle for long, and min stays', async () => {
  await using stage = await openDirectory()
  await using pool = ending(
    createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
      max: 3,
      min: 1,
      evictionRunIntervalMillis: 20,
      softIdleTimeoutMillis: 30,
    }),
  )
  const clients = await Promise.all([1, 2, 3].map(() => pool.acquire()))
  for (const client of clients) await pool.release(client)
  await until('the others to go', () => pool.size === 1 && pool.available === 1)
  await until('their sessions to end', async () => (await stage.place.sessions()).length === 1)
})

describe('clear', () => {
  test('lends nothing that it has closed, and keeps min', async () => {
    await using stage = await openDirectory()
    await using pool = ending(
      createPool(rotatingFactory(stage.credentials, fullDirectoryFactory(stage.address)), {
        max: 3,
        min: 1,
      }),
    )
    const client = await pool.acquire()
    await pool.release(client)
    await pool.clear()
    const other = await pool.acquire()
    expect(other).not.toBe(client)
    expect(await other.ask('WHOAMI')).toBe(stage.account.user)
    await pool.release(other)
  })

  test('of a drained pool closes what comes back later, too', async () => {
    await using stage = await openDirectory()
    const pool = createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)))
    const held = await pool.acquire()
    const drained = pool.drain()
    await pool.clear()
    expect(await held.ask('WHOAMI')).toBe(stage.account.user)
    await pool.release(held)
    await drained
    await until('the session to end', async () => (await stage.place.sessions()).length === 0)
    expect(counts(pool)).toEqual({ size: 0, available: 0, borrowed: 0, pending: 0 })
  })

  test('ends a wait for ready, which the driver would ask for for ever', async () => {
    await using stage = await openDirectory()
    const pool = createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
      min: 1,
      autostart: false,
    })
    const ready = pool.ready()
    const refused = expect(ready).rejects.toMatchObject({ code: 'ERR_REKEY_POOL_ENDED' })
    await pool.drain()
    await refused
    await pool.clear()
  })
})

test('a second password of the same user is gone over to like any other', async () => {
  await using stage = await openDirectory()
  await using pool = ending(
    createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
      max: 3,
      rotation: { spread: 0 },
    }),
  )
  const clients = await Promise.all([1, 2, 3].map(() => pool.acquire()))
  for (const client of clients) await pool.release(client)
  for (const password of ['second', 'third']) {
    const account = { user: stage.account.user, password }
    await stage.place.setPassword(account)
    stage.store.publish(account)
    await stage.credentials.refresh()
    await pool.drained()
  }
  await until('the last to be there', () => pool.generations[0]?.idle === 3)
  expect(pool.generations).toMatchObject([{ version: '3' }])
  expect(await stage.place.refusedLogins()).toEqual([])
  expect(stage.proxy.peak).toBe(3)
})

describe("in a pool of the driver's own making, a rotating factory", () => {
  test('has new connections use the new pair, and old ones leave when they would be lent', async () => {
    await using stage = await openDirectory()
    stage.proxy.goodbyeDelay = 20
    await using pool = ending(
      genericPool.createPool(rotatingFactory(stage.credentials, directoryFactory(stage.address)), {
        max: 3,
        testOnBorrow: true,
      }),
    )
    const whoami = (): Promise<string> => pool.use((client) => client.ask('WHOAMI'))
    await Promise.all([whoami(), whoami(), whoami()])
    for (let rotation = 0; rotation < 3; rotation += 1) {
      await stage.rotate()
      const { user } = stage.account
      await until('everybody to go over', async () => {
        const served = await Promise.all([whoami(), whoami(), whoami()])
        return served.every((as) => as === user)
      })
    }
    expect(stage.proxy.peak).toBe(3)
    expect(await stage.place.refusedLogins()).toEqual([])
  })
})
