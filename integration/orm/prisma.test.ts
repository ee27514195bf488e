import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { afterAll, beforeAll, vi } from 'vitest'
import { run } from '../packaging/pack.ts'
import type { Service } from './library.ts'
import { rotatesOnPostgres, withPool } from './postgres.ts'

const schema = `
  generator client {
    provider = "prisma-client"
    output   = "./generated"
  }
  datasource db {
    provider = "postgresql"
  }
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

interface Generated {
  PrismaClient: new (options: { adapter: PrismaPg }) => Client
}

let folder: string
let generated: Generated

beforeAll(async () => {
  // Not below node_modules, where nobody takes the types out of it.
  folder = await mkdtemp(join(import.meta.dirname, '.prisma-'))
  const file = join(folder, 'schema.prisma')
  await writeFile(file, schema)
  // Its engine is for migrations. Where one is named, none is fetched.
  vi.stubEnv('PRISMA_SCHEMA_ENGINE_BINARY', process.execPath)
  vi.stubEnv('CHECKPOINT_DISABLE', '1')
  const command = createRequire(import.meta.url).resolve('prisma/build/index.js')
  await run(process.execPath, [command, 'generate', '--schema', file], folder)
  generated = (await import(join(folder, 'generated/client.ts'))) as Generated
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

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
