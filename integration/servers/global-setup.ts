import type { TestProject } from 'vitest/node'
import { startContainers } from './containers/start.ts'
import { postgresSettings } from './postgres.ts'
import type { RunningServer, ServerAddress } from './server.ts'
import { startPostgres } from './start-postgres.ts'
import { chooseWay } from './way.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: ServerAddress
  }
}

/** Starts what the projects of this run need, once for all of them. */
export default async function setup(root: TestProject): Promise<(() => Promise<void>) | undefined> {
  const needsPostgres = root.vitest.projects.some(({ name }) => name !== 'unit')
  if (!needsPostgres) return undefined
  const way = await chooseWay()
  console.log(way === 'container' ? 'Servers run in containers.' : 'Servers run natively.')
  const { stop, ...address } = await (way === 'container' ? startInContainer() : startPostgres())
  root.provide('postgres', address)
  return stop
}

async function startInContainer(): Promise<RunningServer> {
  const { nodes, password, log, stop } = await startContainers('postgres', {
    settings: postgresSettings,
    // Its tests bring their own where they need it, and ask a server without.
    tls: false,
  })
  const [{ host, port }] = nodes
  return { host, port, user: 'postgres', password, log, stop }
}
