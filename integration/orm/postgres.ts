import { Pool } from '@rekey/pg'
import pg from 'pg'
import { expect, test } from 'vitest'
import { postgres } from '../pg/stage.ts'
import { max, rotateUnderLoad, rotations } from './body.ts'
import type { Opening, OpenService, Service } from './library.ts'
import { postgresSchema } from './schema.ts'

const settings = { access: postgres, schema: postgresSchema }

/**
 * Proves one library on PostgreSQL: with rekey its credentials rotate under load and nothing fails; with the plain
 * configuration the same body fails.
 */
export function rotatesOnPostgres(
  library: string,
  ways: { rekey: OpenService; plain: OpenService },
): void {
  test(`${library} goes through ${rotations} rotations under load, and nothing fails`, async () => {
    const outcome = await rotateUnderLoad(ways.rekey, { ...settings, limit: 20_000 })
    expect(outcome).toEqual({
      rotations,
      failures: [],
      hung: 0,
      oldSessions: 0,
      peak: expect.any(Number) as number,
      left: { sockets: 0, sessions: 0 },
    })
    expect(outcome.peak).toBeLessThanOrEqual(max)
  })

  test(`${library} with the plain configuration does not`, async () => {
    const outcome = await rotateUnderLoad(ways.plain, { ...settings, limit: 400 })
    expect(outcome.rotations).toBe(1)
    expect(outcome.oldSessions).toBeGreaterThan(0)
    // Which unit it hits first is a matter of luck; the rotation that never ends is counted beside them.
    const units = outcome.failures.map(({ first }) => first.unit)
    expect(units.filter((unit) => unit !== 'rotation')).not.toEqual([])
  })
}

/** The two ways of a library that takes a pool. */
export function withPool(serviceOn: (pool: pg.Pool) => Service): {
  rekey: OpenService
  plain: OpenService
} {
  return {
    rekey({ server, credentials }) {
      const pool = new Pool({ ...server, credentials, rotation: { spread: 0 } })
      pool.on('error', () => {})
      return { ...serviceOn(pool), drained: () => pool.drained() }
    },
    plain: (opening) => serviceOn(plainPool(opening)),
  }
}

function plainPool({ server, account }: Opening): pg.Pool {
  const pool = new pg.Pool({ ...server, ...account })
  pool.on('error', () => {})
  // Without this the driver ends the process when a session is killed whose client is lent.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
