import type { TestProject } from 'vitest/node'
import { serveOnDemand } from './on-demand.ts'
import { openRunFolder } from './run-folder.ts'
import { startServer } from './start.ts'
import { chooseWay } from './way.ts'

/** Gives this run a folder for what is temporary, and offers servers to those of its projects that use some. */
export default async function setup(root: TestProject): Promise<() => Promise<void>> {
  const folder = await openRunFolder()
  const needsServers = root.vitest.projects.some(({ name }) => name !== 'unit')
  const offer = needsServers ? await offerServers() : undefined
  return async () => {
    await offer?.[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  }
}

async function offerServers(): Promise<AsyncDisposable> {
  const way = await chooseWay()
  console.log(way === 'container' ? 'Servers run in containers.' : 'Servers run natively.')
  return serveOnDemand((name) =>
    name === 'postgres-without-tls' ? startServer('postgres', { tls: false }) : startServer(name),
  )
}
