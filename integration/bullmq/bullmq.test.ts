import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rekey/core'
import { Redis, rotatingRedisOptions } from '@rekey/ioredis'
import type { ConnectionOptions } from 'bullmq'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { openStage } from '../ioredis/stage.ts'
import { until } from '../until.ts'
import { Service } from './service.ts'

const rotation = { spread: 0 }

/** A connection as it is given to BullMQ, and how it is closed by who made it. */
interface Given {
  readonly connection: ConnectionOptions
  readonly close: () => void
}

const ways: Record<string, (stage: Stage) => Given> = {
  'an instance'({ address: { host, port }, credentials }) {
    const redis = new Redis({ host, port, credentials, rotation, maxRetriesPerRequest: null })
    return { connection: redis, close: () => redis.disconnect() }
  },
  options({ address: { host, port }, credentials }) {
    const own = { host, port, rotation, maxRetriesPerRequest: null }
    return { connection: rotatingRedisOptions(credentials, own), close: () => {} }
  },
}

test.each(
  Object.keys(ways).flatMap((way) => (['redis', 'valkey'] as const).map((kind) => ({ way, kind }))),
)('$kind, $way: each job runs once through 20 rotations', async ({ way, kind }) => {
  await using stage = await openStage(kind, systemClock)
  const { connection, close } = ways[way]!(stage)
  const service = new Service(connection, `${stage.address.database}bull`)
  try {
    await service.ready()
    const stop = service.ask()
    for (let turn = 0; turn < 20; turn += 1) {
      const { user } = stage.account
      await stage.rotate()
      await until('no session of the old user', async () => {
        return (await stage.place.sessions(user)).length === 0
      })
      await stage.place.revoke({ user, password: '' })
      await sleep(100)
    }
    stop()
    await until('all jobs to be done', async () => service.isThrough())
    const once = new Set([1])
    expect(new Set(service.ran.values())).toEqual(once)
    expect(new Set(service.told.values())).toEqual(once)
    expect(service.ran.size).toBe(service.asked)
    expect(service.trouble).toEqual([])
  } finally {
    await service.close()
    close()
  }
})

test('options without us: jobs stay undone when the old user is dropped', async () => {
  await using stage = await openStage('redis', systemClock)
  const { host, port, database } = stage.address
  const { user, password } = stage.account
  let isOver = false
  const service = new Service(
    {
      ...{ host, port, username: user, password, maxRetriesPerRequest: null },
      retryStrategy: () => (isOver ? null : 50),
    },
    `${database}bull`,
  )
  await service.ready()
  const stop = service.ask()
  try {
    await stage.rotate()
    await sleep(100)
    await stage.place.revoke({ user, password })
    for (const session of await stage.place.sessions(user)) await stage.place.kill(session)
    await until('a refusal', async () => service.trouble.some((line) => line.includes('WRONGPASS')))
    stop()
    await sleep(1_000)
    expect(service.isThrough()).toBe(false)
  } finally {
    stop()
    // It waits for connections that never come, and does not always end.
    isOver = true
    service.close().catch(() => {})
  }
})
