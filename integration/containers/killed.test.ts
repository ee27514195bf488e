import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { getContainerRuntimeClient } from 'testcontainers'
import { expect, test } from 'vitest'
import { until } from '../until.ts'

async function runningContainers(): Promise<string[]> {
  const { dockerode } = (await getContainerRuntimeClient()).container
  return (await dockerode.listContainers({ all: true })).map(({ Id }) => Id)
}

test('a run that is killed leaves no container and no folder', async () => {
  const program = fileURLToPath(new URL('holding-child.ts', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { container, log } = JSON.parse(line) as { container: string; log: string }
  expect(await runningContainers()).toContain(container)
  expect(existsSync(log)).toBe(true)

  child.kill('SIGKILL')
  await until(
    'the container to be removed',
    async () => !(await runningContainers()).includes(container),
    30_000,
  )
  await until('its log to be removed', () => !existsSync(log), 30_000)
})
