import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { generatePrisma, type GeneratedPrisma } from './generate-prisma.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

const models = `
  model author {
    name  String @id @db.VarChar(64)
    books book[]
  }
  model book {
    title  String @id @db.VarChar(64)
    author String @db.VarChar(64)
    writer author @relation(fields: [author], references: [name])
  }`

/** What is used of the client that is generated from it. */
interface Client {
  readonly author: {
    create(values: { data: { name: string } }): Promise<unknown>
    findUnique(query: {
      where: { name: string }
      include: { books: true }
    }): Promise<{ name: string; books: { title: string }[] } | null>
  }
  readonly book: {
    createMany(values: { data: { title: string; author: string }[] }): Promise<unknown>
  }
  $transaction(work: (client: Client) => Promise<void>, limits: object): Promise<void>
  $queryRawUnsafe<Row>(sql: string, ...values: string[]): Promise<Row[]>
  $executeRawUnsafe(sql: string, ...values: string[]): Promise<number>
  $disconnect(): Promise<void>
}

let generated: GeneratedPrisma<Client>

beforeAll(async () => {
  generated = await generatePrisma(models)
})

afterAll(() => generated[Symbol.asyncDispose]())

function serviceOn(pool: pg.Pool): Service {
  const adapter = new PrismaPg(pool, { disposeExternalPool: true })
  const prisma = new generated.PrismaClient({ adapter })
  const limits = { maxWait: 20_000, timeout: 20_000 }
  return {
    async migrate(migrations) {
      // Its own tool reads a URL, and runs before the service.
      await prisma.$executeRawUnsafe('CREATE TABLE IF NOT EXISTS migrated (name text PRIMARY KEY)')
      for (const { name, statements } of migrations) {
        await prisma.$transaction(async (transaction) => {
          const text = 'INSERT INTO migrated VALUES ($1) ON CONFLICT DO NOTHING'
          if ((await transaction.$executeRawUnsafe(text, name)) === 0) return
          for (const statement of statements) await transaction.$executeRawUnsafe(statement)
        }, limits)
      }
    },
    async add({ name, titles }, meanwhile) {
      await prisma.$transaction(async (transaction) => {
        await transaction.author.create({ data: { name } })
        await meanwhile()
        await transaction.book.createMany({
          data: titles.map((title) => ({ title, author: name })),
        })
      }, limits)
    },
    async find(name) {
      const found = await prisma.author.findUnique({ where: { name }, include: { books: true } })
      return found ? { name, titles: found.books.map(({ title }) => title) } : undefined
    },
    async account(statement) {
      const [row] = await prisma.$queryRawUnsafe<{ account: string }>(statement)
      return row?.account ?? ''
    },
    close: () => prisma.$disconnect(),
  }
}

rotatesOnPostgres('Prisma', withPool(serviceOn))
