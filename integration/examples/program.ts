import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { until } from '../until.ts'

/** The program of an example in a process of its own, as it runs elsewhere. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #ended: Promise<unknown[]>
  /** All that it has written. */
  output = ''

  constructor(file: URL, env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [fileURLToPath(file)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
  }

  /** Waits until it has written this, so many times. Rejects with all that it has written if it does not. */
  async writes(pattern: RegExp, times = 1): Promise<string> {
    const all = new RegExp(pattern, `g${pattern.flags}`)
    try {
      return await until(String(pattern), () => {
        const found = this.output.match(all) ?? []
        if (found.length < times && this.#child.exitCode !== null) throw new Error('It ended.')
        return found.length >= times && found.at(-1)
      })
    } catch (error) {
      throw new Error(`${String(error)}\n${this.output}`, { cause: error })
    }
  }

  /** Asks it to end, as an orchestrator does, and resolves with its exit code, or the signal that killed it. */
  async end(): Promise<unknown> {
    this.#child.kill('SIGTERM')
    const [code, signal] = await this.#ended
    return code ?? signal
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
