import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { until } from '../../until.ts'
import type { Life } from '../holder.ts'

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

/** Starts a server's process, which lives at most as long as `life`, and says which. @throws if it ends instead. */
export async function launch(what: Launch, life: Life): Promise<number> {
  const { command, cwd, log, ready, as, end = 'SIGKILL' } = what
  const [file, ...words] = command
  await using output = await open(log, 'a')
  const child = spawn(file, words, {
    ...as,
    cwd,
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', output.fd, output.fd],
  })
  const ended = once(child, 'close').catch(() => {})
  let isOver = false
  void ended.then(() => (isOver = true))
  life.onEnd(async () => {
    // One that a test has paused hears no other signal.
    child.kill('SIGCONT')
    child.kill(end)
    await ended
  })
  const said = (): Promise<string> => readFile(log, 'utf8')
  await until(
    `${file} to be ready`,
    async () => {
      const wasOver = isOver
      const text = await said()
      if (ready.test(text)) return true
      if (wasOver) throw new Error(`It ended at once: ${text.slice(-2_000)}`)
      return false
    },
    60_000,
  )
  return child.pid!
}
