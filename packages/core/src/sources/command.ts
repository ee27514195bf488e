import { execFile, type ExecFileException } from 'node:child_process'
import type { Socket } from 'node:net'
import type { RekeyError } from '../errors.ts'
import { invalid, text } from '../options.ts'
import type { Source } from '../source.ts'
import { answerOf, largestAnswer, parseObject, tooLong } from './json.ts'
import { storeError, type StoreTrouble } from './store-error.ts'

export interface CommandOptions {
  cwd?: string
  /** Default: the environment of this process. */
  env?: NodeJS.ProcessEnv
}

/**
 * What a program prints: a JSON object with `user` (or `username`), `password`, and if there are any `version` and
 * `expiresAt`. The program is started as it is, without a shell, once per refresh; at the load deadline it is killed. What
 * it prints to stderr is shown nowhere, since it may be a secret too.
 *
 * The program's store decides how long the old pair works, so `overlap` is yours to say; TTL, jitter and bridge follow
 * from it as core has them.
 *
 * | failure | |
 * |---|---|
 * | not there, not executable | reported at once, tried again with backoff; the last good pair keeps serving |
 * | an exit code other than 0, killed | the same, with the code or the signal |
 * | no JSON, no `user` or `password`, too long | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a program or arguments that are no strings. At load: `ERR_REKEY_LOAD`,
 * `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromCommand('/usr/local/bin/database-credentials', ['--account', 'app'])
 */
export function fromCommand(
  program: string,
  words: readonly string[] = [],
  { cwd, env }: CommandOptions = {},
): Source {
  text('program', program, 'the path or name of a program')
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw invalid('words', words, 'a list of strings')
  }
  const name = `command ${program}`
  return {
    name,
    defaults: { loadDeadline: 10_000 },
    async load({ signal }) {
      const output = await run(program, words, { cwd, env, signal }).catch((error: unknown) => {
        throw troubleOf(name, program, error as ExecFileException)
      })
      return answerOf(parseObject(output, program, `The output of ${program}`))
    },
  }
}

interface RunOptions {
  cwd: string | undefined
  env: NodeJS.ProcessEnv | undefined
  signal: AbortSignal
}

function run(program: string, words: readonly string[], options: RunOptions): Promise<string> {
  const { signal, ...how } = options
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const all = { ...how, maxBuffer: largestAnswer, windowsHide: true }
    const child = execFile(program, words, all, (error, stdout) => {
      signal.removeEventListener('abort', kill)
      if (error === null) resolve(stdout)
      else reject(error)
    })
    // Not by execFile's own signal, which a program may ignore.
    const kill = (): void => {
      child.kill('SIGKILL')
      // What it has started may hold them open, and would be waited for.
      child.stdout?.destroy()
      child.stderr?.destroy()
    }
    signal.addEventListener('abort', kill)
    // Who asks for a password here is told at once that nobody answers.
    child.stdin?.on('error', () => {}).end()
    // Whoever awaits the load keeps the process alive; this does not.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr])
      (stream as Socket | null)?.unref()
  })
}

// Not the error itself as the cause: it has the whole command line, and what the program printed.
function troubleOf(source: string, place: string, error: ExecFileException): RekeyError {
  const { code, signal } = error
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return tooLong(place)
  const exit = typeof code === 'number' ? `exit code ${code}` : (code ?? undefined)
  const detail = signal ? `killed by ${signal}` : exit
  const failures: Record<string, StoreTrouble['failure']> = {
    ENOENT: 'not found',
    ENOTDIR: 'not found',
    EACCES: 'forbidden',
  }
  return storeError(source, {
    failure: failures[String(code)] ?? 'an error of the store',
    place,
    detail,
  })
}
