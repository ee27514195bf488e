import type { TestProject } from 'vitest/node'
import type { ServerAddress } from './server.ts'
import { startPostgres } from './start-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: ServerAddress
  }
}

/** Starts what the projects of this run need, once for all of them. */
export default async function setup(root: TestProject): Promise<(() => Promise<void>) | undefined> {
  const needsPostgres = root.vitest.projects.some(({ name }) => name !== 'unit')
  if (!needsPostgres) return undefined
  const { stop, ...address } = await startPostgres()
  root.provide('postgres', address)
  return stop
}
