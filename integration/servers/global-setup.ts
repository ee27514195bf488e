import type { TestProject } from 'vitest/node'
import { serveOnDemand } from './on-demand.ts'
import { startServer } from './start.ts'
import { chooseWay } from './way.ts'

/** Offers servers to the projects of this run that use some. */
export default async function setup(root: TestProject): Promise<(() => Promise<void>) | undefined> {
  const needsServers = root.vitest.projects.some(({ name }) => name !== 'unit')
  if (!needsServers) return undefined
  const way = await chooseWay()
  console.log(way === 'container' ? 'Servers run in containers.' : 'Servers run natively.')
  const offer = await serveOnDemand((name) =>
    name === 'postgres-without-tls' ? startServer('postgres', { tls: false }) : startServer(name),
  )
  return async () => offer[Symbol.asyncDispose]()
}
