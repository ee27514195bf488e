import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { asks } from './asking.ts'
import type { NodeAddress, ServerAddress } from './server.ts'

async function isThere({ runsAs }: NodeAddress): Promise<boolean> {
  if ('pid' in runsAs) return existsSync(`/proc/${runsAs.pid}`)
  const { getContainerRuntimeClient } = await import('testcontainers')
  const { dockerode } = (await getContainerRuntimeClient()).container
  const all = await dockerode.listContainers({ all: true })
  return all.some(({ Id }) => Id === runsAs.container)
}

/** What the server has made in the folder for such things, however deep its log is in it. */
function folderOf({ log }: ServerAddress): string {
  return join(tmpdir(), relative(tmpdir(), log).split(sep)[0]!)
}

/** Starts a program that says one line and stays until it is killed. */
async function staying(name: string, ...words: string[]): Promise<[ChildProcess, string]> {
  const program = fileURLToPath(new URL(name, import.meta.url))
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit']
  const child = spawn(process.execPath, [program, ...words], { stdio })
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return [child, line]
}

test.concurrent.each([...Object.keys(asks), 'redis-cluster', 'redis-sentinel'])(
  'a run that is killed leaves nothing of %s: no process, no container, no folder',
  async (kind) => {
    const [child, line] = await staying('holding-child.ts', kind)
    const address = JSON.parse(line) as ServerAddress
    const nodes = [address, ...address.others]
    for (const node of nodes) expect(await isThere(node)).toBe(true)
    const folder = folderOf(address)
    expect(existsSync(folder)).toBe(true)

    child.kill('SIGKILL')
    for (const node of nodes) {
      await until('the server to be gone', async () => !(await isThere(node)), 100_000)
    }
    await until('its folder to be removed', () => !existsSync(folder), 100_000)
  },
)

test.concurrent('nor what its tests wrote for a while', async () => {
  const [child, folder] = await staying('run-folder-child.ts')
  writeFileSync(join(folder, 'written'), '')
  child.kill('SIGKILL')
  await until('the folder to be removed', () => !existsSync(folder), 100_000)
})
