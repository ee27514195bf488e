import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Life } from './server.ts'

export interface Launch {
  readonly command: readonly [string, ...string[]]
  /** What it runs in. */
  readonly cwd: string
  /** The file that gets all that it says. */
  readonly log: string
  /** What it says when it takes connections. */
  readonly ready: RegExp
  /** Default: as this process. */
  readonly as?: { readonly uid?: number; readonly gid?: number }
  /** What ends it, whatever it is doing. Default: SIGKILL; what it has written is thrown away. */
  readonly end?: NodeJS.Signals
}

/** Longer than the slowest machine needs. */
const readyWithin = 60_000

/** Starts a server's process, which lives at most as long as `life`, and says which. @throws if it ends instead. */
export async function launch(what: Launch, life: Life): Promise<number> {
  let running: Running | undefined
  async function run(): Promise<number> {
    const before = await readFile(what.log, 'utf8').catch(() => '')
    running = await spawnLogged(what)
    return untilReady(running, what, before.length)
  }
  life.onEnd(async () => running?.end())
  life.runs({ kill: async () => running?.end(), start: run })
  return run()
}

interface Running {
  readonly child: ChildProcess
  isOver: boolean
  end(): Promise<void>
}

async function spawnLogged({ command, cwd, log, as, end = 'SIGKILL' }: Launch): Promise<Running> {
  const [file, ...words] = command
  const output = await open(log, 'a')
  const child = spawn(file, words, {
    ...as,
    cwd,
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', output.fd, output.fd],
  })
  const ended = once(child, 'close').catch(() => {})
  await output.close()
  const running: Running = {
    child,
    isOver: false,
    async end() {
      // One that is paused hears no other signal; Windows knows no pause.
      if (process.platform !== 'win32') child.kill('SIGCONT')
      child.kill(end)
      await ended
    },
  }
  void ended.then(() => (running.isOver = true))
  return running
}

/** `from`: the length of what was said before it was started. */
async function untilReady(running: Running, { log, ready }: Launch, from: number): Promise<number> {
  for (const deadline = performance.now() + readyWithin; ; await sleep(10)) {
    const wasOver = running.isOver
    const said = (await readFile(log, 'utf8')).slice(from)
    if (ready.test(said)) return running.child.pid!
    if (wasOver) throw new Error(`It ended at once: ${said.slice(-2_000)}`)
    if (performance.now() > deadline) {
      throw new Error(`It was not ready after ${readyWithin} ms: ${said.slice(-2_000)}`)
    }
  }
}
