import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock, type CredentialsCache } from '@rekey/core'
import { expect, test } from 'vitest'
import { withinLimit } from '../../packages/drill/src/limit.ts'
import type { Address } from '../contract/adapter.ts'
import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectRedis } from '../servers/redis.ts'
import type { Account } from '../servers/server.ts'
import { until } from '../until.ts'
import { rotations } from './body.ts'

/** A small service built on a library for Redis. */
export interface RedisService {
  /** One request, which counts a number up: the number, which is given once. */
  count(): Promise<number>
  /** The library's own shutdown. */
  close(): Promise<void>
}

/** What a service is opened with. Its keys begin with the name of the database. */
export interface RedisOpening {
  readonly server: Address
  readonly credentials: CredentialsCache
  readonly account: Account
}

type Open = (opening: RedisOpening) => Promise<RedisService>

/** A client without us that gives up soon: where nobody lets it in again, its control is to come to an end. */
export const givesUp = {
  retryStrategy: (times: number): number | null => (times > 3 ? null : 20),
  maxRetriesPerRequest: null,
}

/** Proves one library on Redis, as `rotatesOn` does on a database that has SQL. */
export function rotatesOnRedis(library: string, { rekey, plain }: { rekey: Open; plain: Open }) {
  test(`${library} goes through ${rotations} rotations under load, and nothing fails`, async () => {
    const outcome = await rotateUnderLoad(rekey, 20_000)
    expect(outcome).toEqual({ rotations, failures: [], hung: 0, oldSessions: 0, left: 0 })
  })

  test(`${library} with the plain configuration does not`, async () => {
    const outcome = await rotateUnderLoad(plain, 400)
    expect(outcome.rotations).toBe(1)
    expect(outcome.oldSessions).toBeGreaterThan(0)
    expect(outcome.failures.length + outcome.hung).toBeGreaterThan(0)
  })
}

const access: ServerAccess = {
  connectServer: async () => connectRedis(await serverAddress('redis')),
  // Nobody asks here.
  isGoodbye: () => false,
}

async function rotateUnderLoad(open: Open, limit: number) {
  await using stage = new Stage(await setUp(access, 1), systemClock)
  const { address: server, credentials, account, place } = stage
  const service = await open({ server, credentials, account })
  const failures: string[] = []
  const counted = new Set<number>()
  let isGoing = true
  let calling = 0
  let served = 0
  let rotation = 0
  let oldSessions = 0

  async function call(): Promise<void> {
    calling += 1
    try {
      const number = await service.count()
      if (counted.has(number)) failures.push(`${number} was counted twice`)
      counted.add(number)
      served += 1
    } catch (error) {
      failures.push(String(error))
    } finally {
      calling -= 1
    }
  }

  async function callAgainAndAgain(): Promise<void> {
    while (isGoing) {
      await call()
      await sleep(5)
    }
  }

  const callers = Promise.all([callAgainAndAgain(), callAgainAndAgain(), callAgainAndAgain()])
  for (let drained = true; drained && rotation < rotations;) {
    rotation += 1
    const old = stage.account
    const before = served
    await stage.rotate()
    const isOver = async (): Promise<boolean> =>
      served > before + 10 && (await place.sessions(old.user)).length === 0
    drained = await until('the rotation to be over', isOver, limit).then(
      () => true,
      () => false,
    )
    await place.revoke(old)
    const left = await place.sessions(old.user)
    oldSessions += left.length
    for (const session of left) await place.kill(session)
    if (!drained) await sleep(limit)
  }
  isGoing = false
  await withinLimit(callers, limit)
  const hung = calling
  const closed = service.close().catch((error: unknown) => failures.push(`close: ${String(error)}`))
  await withinLimit(closed, limit)
  await until('all to close', () => stage.proxy.open === 0, limit).catch(() => {})
  return { rotations: rotation, failures, hung, oldSessions, left: stage.proxy.open }
}
