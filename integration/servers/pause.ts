import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Container, containerOf, execute } from './containers/container-of.ts'
import type { NodeAddress } from './server.ts'

/** Freezes a server: its sockets stay open, and nobody answers. What follows `using` lets it go on. */
export async function pauseNode({ runsAs }: NodeAddress): Promise<AsyncDisposable> {
  return 'pid' in runsAs ? pauseProcesses(runsAs.pid) : pauseContainer(runsAs.container)
}

async function pauseProcesses(pid: number): Promise<AsyncDisposable> {
  // First the one that would start others.
  signal(pid, 'SIGSTOP')
  const pids = [pid, ...(await childrenOf(pid))]
  for (const one of pids) signal(one, 'SIGSTOP')
  return {
    async [Symbol.asyncDispose]() {
      for (const one of pids) signal(one, 'SIGCONT')
    },
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const listed =
    process.platform === 'linux'
      ? await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
      : // It fails where there are none.
        await promisify(execFile)('pgrep', ['-P', String(pid)]).then(
          ({ stdout }) => stdout,
          () => '',
        )
  return listed.split(/\s+/).filter(Boolean).map(Number)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // A session may have ended since it was listed.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** By signals, as without containers: the freezer of an engine gives up where a process does not stand still at once. */
async function pauseContainer(id: string): Promise<AsyncDisposable> {
  const container = await containerOf(id)
  // The first process of a container takes this signal only from outside, and the others not from there.
  await container.kill({ signal: 'SIGSTOP' })
  await signalOthers(container, 'STOP')
  return {
    async [Symbol.asyncDispose]() {
      await signalOthers(container, 'CONT')
      await container.kill({ signal: 'SIGCONT' })
    },
  }
}

/** To every process of a container but its first. */
async function signalOthers(container: Container, name: 'STOP' | 'CONT'): Promise<void> {
  // It fails where there are no others.
  await execute(container, ['sh', '-c', `kill -${name} -1 || true`])
}
