import { createCredentials, map, type CredentialsOptions, type Source } from '@rekey/core'
import { Pool } from '@rekey/pg'
import { expect } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, userOf } from '../pg/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account, Place } from '../servers/server.ts'
import { until } from '../until.ts'

export interface WholeWay {
  readonly source: Source
  /** Writes the pair into the store, as whoever rotates it would. The database knows it already. */
  publish(account: Account): Promise<void>
  /** Default: polled several times a second, over a minute of overlap. */
  timings?: CredentialsOptions
  /** Default: 3. */
  rotations?: number
}

const pollsOften: CredentialsOptions = { overlap: 60_000, ttl: 200, loginDeadline: 5_000 }

/** A corner of a real PostgreSQL that allows this many sessions. */
export async function openPlace(sessions: number): Promise<Place> {
  const server = await connectPostgres(await serverAddress('postgres'))
  const place = await server.createPlace({ sessions })
  return {
    ...place,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/**
 * Tokens in a database that knows nothing of those who sign them: its account's password is set to each one before anybody logs
 * in with it, so that it accepts the newest and no other.
 */
export function toldTo(
  place: Pick<Place, 'setPassword'>,
  source: Source,
): { told: Source; tokens: string[] } {
  const tokens: string[] = []
  const told = map(source, async (loaded) => {
    const { user } = loaded
    const password = String(loaded.password)
    if (tokens.at(-1) !== password) {
      await place.setPassword({ user, password })
      tokens.push(password)
    }
    return loaded
  })
  return { told, tokens }
}

/**
 * Two accounts of a real PostgreSQL take turns in a store, while a pool of four is in use: no request fails, every
 * connection goes over, and what was left behind is revoked each time.
 */
export async function goTheWholeWay(way: WholeWay): Promise<void> {
  const { source, timings = pollsOften, rotations = 3 } = way
  await using place = await openPlace(4)
  let [current, other] = [await place.createAccount(), await place.createAccount()]
  await way.publish(current)
  await using credentials = createCredentials(source, timings)
  const { host, port, database } = place
  await using pool = closing(
    new Pool({ host, port, database, max: 4, credentials, rotation: { spread: 0 } }),
  )
  await fill(pool, 4)
  const lost: unknown[] = []
  {
    await using load = new Load({ whoami: () => userOf(pool) }, 3)
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      ;[current, other] = [await place.rotate(other), current]
      await way.publish(current)
      await until('all connections to go over', async () => {
        const sessions = await place.sessions()
        return sessions.length > 0 && sessions.every(({ user }) => user === current.user)
      })
      await pool.drained()
      await place.revoke(other)
      await load.goOn()
    }
    lost.push(...load.lost)
  }
  expect(lost).toEqual([])
}
