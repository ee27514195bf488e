import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import type { Service } from './library.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>
type Queryable = Pick<Adapter, 'queryRaw' | 'executeRaw'>

async function ask(on: Queryable, sql: string, ...args: string[]): Promise<string[][]> {
  const argTypes = args.map(() => ({ scalarType: 'string', arity: 'scalar' }) as const)
  const { rows } = await on.queryRaw({ sql, args, argTypes })
  return rows as string[][]
}

/** The service on what Prisma's client calls for all that it does: its engine is not needed for that. */
function serviceOn(pool: pg.Pool): Service {
  const adapter = new PrismaPg(pool, { disposeExternalPool: true }).connect()

  async function inTransaction(work: (transaction: Queryable) => Promise<void>): Promise<void> {
    const transaction = await (await adapter).startTransaction()
    try {
      await work(transaction)
      await ask(transaction, 'COMMIT')
      await transaction.commit()
    } catch (error) {
      await ask(transaction, 'ROLLBACK')
      await transaction.rollback()
      throw error
    }
  }

  return {
    async migrate(migrations) {
      await ask(await adapter, 'CREATE TABLE IF NOT EXISTS migrated (name text PRIMARY KEY)')
      for (const { name, statements } of migrations) {
        await inTransaction(async (transaction) => {
          const text = 'INSERT INTO migrated VALUES ($1) ON CONFLICT DO NOTHING RETURNING name'
          if ((await ask(transaction, text, name)).length === 0) return
          for (const sql of statements)
            await transaction.executeRaw({ sql, args: [], argTypes: [] })
        })
      }
    },
    async add({ name, titles }, meanwhile) {
      await inTransaction(async (transaction) => {
        await ask(transaction, 'INSERT INTO author VALUES ($1)', name)
        await meanwhile()
        for (const title of titles)
          await ask(transaction, 'INSERT INTO book VALUES ($1, $2)', title, name)
      })
    },
    async find(name) {
      const text = 'SELECT title FROM book JOIN author ON author = name WHERE name = $1'
      const rows = await ask(await adapter, text, name)
      return rows.length === 0 ? undefined : { name, titles: rows.map(([title = '']) => title) }
    },
    async account(statement) {
      const [row] = await ask(await adapter, statement)
      return row?.[0] ?? ''
    },
    close: async () => (await adapter).dispose(),
  }
}

rotatesOnPostgres("Prisma's adapter", withPool(serviceOn))
