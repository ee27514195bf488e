import { poolConfig } from '@rekey/pg'
import { PgBoss, type ConstructorOptions } from 'pg-boss'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { until } from '../until.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'

/** The service on the database of a queue, with a job for each author that is worked on meanwhile. */
async function serviceOn(options: ConstructorOptions): Promise<Service> {
  const boss = new PgBoss(options)
  boss.on('error', () => {})
  // It migrates its own tables here.
  await boss.start()
  await boss.createQueue('added')
  let sent = 0
  let worked = 0
  await boss.work('added', { pollingIntervalSeconds: 0.5, batchSize: 100 }, async (jobs) => {
    worked += jobs.length
  })
  const db = boss.getDb()

  async function inTransaction(work: (transaction: typeof db) => Promise<void>): Promise<void> {
    const transaction = await db.beginTransaction!()
    try {
      await work(transaction.db)
      await transaction.commit()
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }

  return {
    async migrate(migrations) {
      await db.executeSql('CREATE TABLE IF NOT EXISTS migrated (name text PRIMARY KEY)')
      for (const { name, statements } of migrations) {
        await inTransaction(async (transaction) => {
          const text = 'INSERT INTO migrated VALUES ($1) ON CONFLICT DO NOTHING RETURNING name'
          if ((await transaction.executeSql(text, [name])).rows.length === 0) return
          for (const statement of statements) await transaction.executeSql(statement)
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await inTransaction(async (transaction) => {
        await transaction.executeSql('INSERT INTO author VALUES ($1)', [name])
        await meanwhile()
        const text = 'INSERT INTO book (author, title) VALUES ($1, $2)'
        for (const title of titles) await transaction.executeSql(text, [name, title])
        await boss.send('added', { name }, { db: transaction })
      })
      sent += 1
    },
    async find(name) {
      const text = 'SELECT title FROM book JOIN author ON author = name WHERE name = $1'
      const rows: { title: string }[] = (await db.executeSql(text, [name])).rows
      return rows.length === 0 ? undefined : { name, titles: rows.map(({ title }) => title) }
    },
    async account(statement) {
      const [row]: { account: string }[] = (await db.executeSql(statement)).rows
      return row?.account ?? ''
    },
    async close() {
      try {
        await until('every job to be worked on, once', () => worked === sent)
      } finally {
        await boss.stop()
      }
    },
  }
}

rotatesOnPostgres('pg-boss', {
  rekey({ server, credentials }) {
    // So that those which nobody takes leave soon.
    const options = { ...server, idleTimeoutMillis: 100 }
    return serviceOn({ ...poolConfig(credentials, options, { spread: 0 }) })
  },
  plain: ({ server, account }) => serviceOn({ ...server, ...account }),
})

test('pg-boss with useListenNotify warns that it cannot listen, and polls', async () => {
  await using stage = await openStage({ sessions: 10 })
  const { address, credentials } = stage
  const options = { ...poolConfig(credentials, address, { spread: 0 }), useListenNotify: true }
  const boss = new PgBoss(options)
  boss.on('error', () => {})
  const warnings: unknown[] = []
  boss.on('warning', ({ data }) => warnings.push(data))
  await boss.start()
  await boss.createQueue('mail', { notify: true })
  let worked = 0
  await boss.work('mail', { pollingIntervalSeconds: 0.5 }, async (jobs) => {
    worked += jobs.length
  })
  await boss.send('mail', { to: 'somebody' })
  await until('the job to be worked on', () => worked === 1)
  expect(warnings).toContainEqual(
    expect.objectContaining({ type: 'listen_notify_unavailable' }) as unknown,
  )
  await boss.stop()
})

test.each([
  ['a password', { password: 'secret' }, 'password'],
  [
    'a URL with one',
    { connectionString: 'postgres://me:secret@db.internal/app' },
    'connectionString',
  ],
])(
  'pg-boss with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const boss = new PgBoss({ ...poolConfig(stage.credentials, stage.address), ...beside })
    boss.on('error', () => {})
    await expect(boss.start()).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
    expect(stage.proxy.total).toBe(0)
  },
)
