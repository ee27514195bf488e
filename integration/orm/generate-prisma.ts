import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { PrismaPg } from '@prisma/adapter-pg'
import { run } from '../packaging/pack.ts'

const generator = `
  generator client {
    provider = "prisma-client"
    output   = "./generated"
  }
  datasource db {
    provider = "postgresql"
  }
`

/** A client's class, for as long as it is needed. */
export interface GeneratedPrisma<Client> extends AsyncDisposable {
  readonly PrismaClient: new (options: { adapter: PrismaPg }) => Client
}

/** Generates a client for PostgreSQL, as `prisma generate` does, from these models. */
export async function generatePrisma<Client>(models: string): Promise<GeneratedPrisma<Client>> {
  // Not below node_modules, where nobody takes the types out of it.
  const folder = await mkdtemp(join(import.meta.dirname, '.prisma-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true })
  try {
    const file = join(folder, 'schema.prisma')
    await writeFile(file, `${generator}${models}`)
    const command = createRequire(import.meta.url).resolve('prisma/build/index.js')
    // Its engine is for migrations. Where one is named, none is fetched.
    const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' }
    await run(process.execPath, [command, 'generate', '--schema', file], folder, env)
    const client: string = join(folder, 'generated/client.ts')
    const { PrismaClient } = (await import(client)) as GeneratedPrisma<Client>
    return { PrismaClient, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}
