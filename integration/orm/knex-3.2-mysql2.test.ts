import { knexRotation } from '@rekey/mysql2/knex'
import type { Knex } from 'knex'
import knex31 from 'knex-3.1'
import knex, { type Knex as Knex32 } from 'knex-3.2'
import { expect, test } from 'vitest'
import { openStage } from '../mysql2/stage.ts'
import { knexService, log } from './knex-service.ts'
import type { Service } from './library.ts'
import { rotatesOnMysql } from './mysql.ts'

// So that those which nobody takes leave soon.
const quick = { idleTimeoutMillis: 200, reapIntervalMillis: 50 }

// The versions' types do not fit each other; what the service uses is the same.
function serviceOn(db: Knex32): Service {
  return knexService(db as unknown as Knex)
}

rotatesOnMysql('knex 3.2', {
  rekey: ({ server: { max, ...connection }, credentials }) => {
    const config = { client: 'mysql2', connection, pool: { max, ...quick }, log }
    return serviceOn(knex(knexRotation(credentials, config, { spread: 0 })))
  },
  plain: ({ server: { max, ...connection }, account }) =>
    serviceOn(
      knex({
        client: 'mysql2',
        connection: { ...connection, ...account },
        pool: { min: 0, max },
        log,
      }),
    ),
})

test('knex 3.2 bridges a login that the server refuses until the store has caught up', async () => {
  await using stage = await openStage()
  const { address: connection, credentials, store, place, account } = stage
  const db = knex(knexRotation(credentials, { client: 'mysql2', connection, log }))
  await credentials.get()
  const changed = await place.rotate(account)
  const answered = db.raw('SELECT 1')
  store.publish(changed)
  await credentials.refresh()
  await answered
  await db.destroy()
})

test('knex 3.1 fails before it connects: it would never give up a connection', async () => {
  await using stage = await openStage()
  const { address: connection, credentials } = stage
  const db = knex31(knexRotation(credentials, { client: 'mysql2', connection, log }))
  await expect(db.raw('SELECT 1')).rejects.toMatchObject({ code: 'ERR_REKEY_DRIVER' })
  expect(stage.proxy.open).toBe(0)
  await db.destroy()
})
