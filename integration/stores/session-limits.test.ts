// Hours and days of a connection, on a clock that the test moves, against a real Redis that is told of each token. What AWS
// and Azure do at the end of a session is not shown: here nothing comes near it.

import { randomUUID } from 'node:crypto'
import { createCredentials, type Source } from '@rekey/core'
import { fromElastiCacheIam, fromMemoryDbIam } from '@rekey/core/aws-iam'
import { fromEntraRedis, type EntraCredential } from '@rekey/core/entra'
import { reauthenticate, Redis, type Reauthenticate } from '@rekey/ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../../packages/core/test/virtual-clock.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import { connectRedis } from '../servers/redis.ts'
import { until } from '../until.ts'
import { toldTo } from './whole-way.ts'

const minute = 60_000
const hour = 60 * minute

/** One change of the tokens, as the live connection has seen it. */
interface Change {
  readonly at: number
  /** Whether it has logged in again: else another connection has shown that the token works. */
  readonly isInPlace: boolean
  /** How long the token before it would have lived on. */
  readonly left: number
}

/** What a connection goes through in that time, from one timer to the next. */
async function live(
  duration: number,
  chance: number,
  when: Reauthenticate,
  make: (user: string, clock: VirtualClock) => Source,
): Promise<Change[]> {
  await using server = await connectRedis(await serverAddress('redis'))
  await using place = await server.createPlace({ sessions: 2 })
  const { user } = await place.createAccount()
  const clock = new VirtualClock()
  const { told } = toldTo(place, make(user, clock))
  let loading = 0
  const source: Source = {
    ...told,
    load: async (context) => {
      loading += 1
      try {
        return await told.load(context)
      } finally {
        loading -= 1
      }
    },
  }
  await using credentials = createCredentials(source, { clock, random: () => chance })
  await using proxy = await startProxy(place)
  const { host, port } = proxy
  const redis = new Redis({ host, port, credentials, rotation: { reauthenticate: when } })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  const id = await redis.client('ID')
  const changes: Change[] = []
  const ends = new Map<string | undefined, number>()
  let [before, dialled] = [credentials.current?.version, proxy.total]
  while (clock.now() < duration) {
    const { version, expiresAt = 0 } = credentials.current!
    ends.set(version, expiresAt)
    await clock.advance((clock.nextAt ?? duration) - clock.now())
    // Time stands still while the machine works.
    await until('what was asked for', () => loading === 0)
    await until('logins beside it', () => {
      return redis.generations.every(({ connecting, closing }) => connecting + closing === 0)
    })
    const now = await until('its own login', () => {
      return redis.generations.find(({ idle }) => idle === 1)?.version
    })
    if (now === before) continue
    const left = (ends.get(before) ?? 0) - clock.wall()
    changes.push({ at: clock.now(), isInPlace: proxy.total === dialled, left })
    ;[before, dialled] = [now, proxy.total]
  }
  expect(await redis.client('ID')).toBe(id)
  expect(await place.refusedLogins()).toEqual([])
  redis.disconnect()
  return changes
}

test.each([
  ['ElastiCache', 0, fromElastiCacheIam, reauthenticate.elastiCacheIam],
  ['MemoryDB', 0.999, fromMemoryDbIam, reauthenticate.memoryDbIam],
] as const)(
  '%s, with a chance of %d: in 20 hours a connection is never 12 hours old without having logged in again',
  async (_, chance, make, when) => {
    const changes = await live(20 * hour, chance, when, (user) =>
      make({
        ...{ cache: 'sessions', user, region: 'eu-central-1' },
        identity: async () => ({
          ...{ accessKeyId: 'test', secretAccessKey: 'test', sessionToken: randomUUID() },
        }),
      }),
    )
    const logins = [0, ...changes.filter(({ isInPlace }) => isInPlace).map(({ at }) => at)]
    const ages = [...logins.slice(1), 20 * hour].map((at, index) => at - logins[index]!)
    // Half of the time is left for all that can go wrong.
    expect(Math.max(...ages)).toBeLessThan(7 * hour)
    // Each token is known to work all the same, before the one before it ends.
    expect(Math.min(...changes.map(({ left }) => left))).toBeGreaterThan(0)
    expect(changes.length).toBeGreaterThan(20 * 4)
  },
)

test.each([0, 0.999])(
  'Azure, with a chance of %d: with each token a connection logs in again 3 minutes before the last one ends',
  async (chance) => {
    const changes = await live(6 * hour, chance, reauthenticate.azureEntra, (user, clock) =>
      fromEntraRedis({ credential: keepingTokens(user, clock), random: () => chance }),
    )
    expect(changes.length).toBeGreaterThan(4)
    expect(changes.every(({ isInPlace }) => isInPlace)).toBe(true)
    expect(Math.min(...changes.map(({ left }) => left))).toBeGreaterThan(3 * minute)
  },
)

/** As MSAL has them: the next token comes 5 minutes before the end of the last. */
function keepingTokens(oid: string, clock: VirtualClock): EntraCredential {
  let kept = { token: '', expiresOnTimestamp: 0 }
  return {
    async getToken() {
      if (clock.wall() > kept.expiresOnTimestamp - 5 * minute) {
        const claims = Buffer.from(JSON.stringify({ oid, jti: randomUUID() })).toString('base64url')
        kept = { token: `e30.${claims}.`, expiresOnTimestamp: clock.wall() + hour }
      }
      return kept
    },
  }
}
