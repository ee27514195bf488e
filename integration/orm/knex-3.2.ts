import type { CredentialsCache, TheirRotation } from '@rekey/core'
import type { KnexConfig } from '@rekey/core/libraries'
import type { Knex } from 'knex'
import knex31 from 'knex-3.1'
import knex, { type Knex as Knex32 } from 'knex-3.2'
import { expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { until } from '../until.ts'
import { knexService, log } from './knex-service.ts'
import type { Service } from './library.ts'
import type { Rotates } from './rotates.ts'

/** What it takes on one database. */
interface Database {
  readonly client: 'pg' | 'mysql2'
  readonly rotates: Rotates
  readonly openStage: () => Promise<Stage>
  readonly knexRotation: (
    credentials: CredentialsCache,
    config: KnexConfig & { log: object },
    rotation?: TheirRotation,
  ) => object
}

// So that those which nobody takes leave soon.
const quick = { idleTimeoutMillis: 200, reapIntervalMillis: 50 }

// The versions' types do not fit each other; what the service uses is the same.
function serviceOn(db: Knex32): Service {
  return knexService(db as unknown as Knex)
}

/** Proves knex before its version 3.3, which has no `connectionPool`. */
export function knex32({ client, rotates, openStage, knexRotation }: Database): void {
  rotates('knex 3.2', {
    rekey: ({ server: { max, ...connection }, credentials }) => {
      const config = { client, connection, pool: { max, ...quick }, log }
      return serviceOn(knex(knexRotation(credentials, config, { spread: 0 })))
    },
    plain: ({ server: { max, ...connection }, account }) =>
      serviceOn(
        knex({ client, connection: { ...connection, ...account }, pool: { min: 0, max }, log }),
      ),
  })

  test('knex 3.2 bridges a login that the server refuses until the store has caught up', async () => {
    await using stage = await openStage()
    const { address: connection, credentials, store, place, account } = stage
    const db = knex(knexRotation(credentials, { client, connection, log }))
    await credentials.get()
    const changed = await place.rotate(account)
    const answered = db.raw('SELECT 1')
    store.publish(changed)
    await credentials.refresh()
    await answered
    await db.destroy()
  })

  test('knex 3.2 leaves a version alone that was refused as often as it may be, until there is another', async () => {
    await using stage = await openStage()
    using messages = recordMessages()
    const { address: connection, credentials, store, account } = stage
    const refusals = (): unknown[] => messages.of('rekey:candidate-refused')
    store.publish({ ...account, password: 'wrong' })
    const config = { client, connection, log }
    const db = knex(knexRotation(credentials, config, { maxRefusals: 2 }))
    const failed = db.raw('SELECT 1').catch((error: unknown) => error)
    await until('the first refusal', () => refusals().length === 1)
    await stage.clock.advance(messages.of('rekey:candidate-refused')[0]?.retryIn ?? 0)
    expect(await failed).toBeInstanceOf(Error)
    await expect(db.raw('SELECT 1')).rejects.toThrow()
    expect(refusals()).toMatchObject([{}, { retryIn: Infinity }])
    await until('both to be counted', async () => (await stage.place.refusedLogins()).length === 2)
    store.publish(account)
    await credentials.refresh()
    await db.raw('SELECT 1')
    await db.destroy()
  })

  test('knex 3.1 fails before it connects: it would never give up a connection', async () => {
    await using stage = await openStage()
    const { address: connection, credentials } = stage
    const db = knex31(knexRotation(credentials, { client, connection, log }))
    await expect(db.raw('SELECT 1')).rejects.toMatchObject({ code: 'ERR_REKEY_DRIVER' })
    expect(stage.proxy.open).toBe(0)
    await db.destroy()
  })
}
