import { expect, test } from 'vitest'
import type { ServerAccess } from '../contract/stage.ts'
import { max, rotateUnderLoad, rotations } from './body.ts'
import type { OpenService } from './library.ts'
import type { Schema } from './schema.ts'

/** A library with rekey, and with the configuration that people have without it. */
export interface Ways {
  readonly rekey: OpenService
  readonly plain: OpenService
}

/** Proves a library on one database. */
export type Rotates = (library: string, ways: Ways) => void

/**
 * Makes what proves one library after the other on a database: with rekey its credentials rotate under load and nothing
 * fails; with the plain configuration the same body fails.
 */
export function rotatesOn(access: ServerAccess, schema: Schema): Rotates {
  const settings = { access, schema }
  return (library, ways) => {
    test.concurrent(`${library} goes through ${rotations} rotations under load, and nothing fails`, async () => {
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

    test.concurrent(`${library} with the plain configuration does not`, async () => {
      const outcome = await rotateUnderLoad(ways.plain, { ...settings, limit: 400 })
      expect(outcome.rotations).toBe(1)
      expect(outcome.oldSessions).toBeGreaterThan(0)
      // Which unit it hits first is a matter of luck, and on a busy machine none has failed yet; the rotation that never ends
      // is counted beside them.
      const failed = outcome.failures.filter(({ first }) => first.unit !== 'rotation')
      expect(failed.length + outcome.hung).toBeGreaterThan(0)
    })
  }
}
