import { Pool } from '@rekey/pg'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import Cursor from 'pg-cursor'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { kyselyService, type Tables } from './kysely-service.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

rotatesOnPostgres(
  'kysely',
  withPool((pool) => {
    const dialect = new PostgresDialect({ pool, cursor: Cursor })
    return kyselyService(new Kysely<Tables>({ dialect }), jsonArrayFrom)
  }),
)

test('kysely cancels a query of an older version over a client with the newest', async () => {
  await using stage = await openStage({ sessions: 3 })
  const { address, credentials } = stage
  const pool = new Pool({ ...address, credentials, max: 2, rotation: { spread: 0 } })
  await using db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const abort = new AbortController()
  const signal = abort.signal
  // The first leaves a connection idle, which the second takes at once; when the third is served, the second is running.
  await sql`SELECT 1`.execute(db)
  const sleeping = sql`SELECT pg_sleep(30)`
    .execute(db, { signal, inflightQueryAbortStrategy: 'cancel query' })
    .catch((error: Error) => error.message)
  await sql`SELECT 1`.execute(db)
  await stage.rotate()
  await stage.place.revoke(stage.other)
  abort.abort(new Error('Nobody waits any more'))
  expect(await sleeping).toContain('Nobody waits any more')
  // The connection is free only when the server has stopped the query.
  await pool.drained()
})
