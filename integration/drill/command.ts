import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../packages/drill/src/main.ts', import.meta.url))

/** Where PostgreSQL, MySQL and MariaDB, and Redis and Valkey write their process ids. */
const pidFiles = [join('data', 'postmaster.pid'), 'mysql.pid', 'redis.pid']

/** The drill command in a process of its own, with a temp folder of its own. */
export class DrillCommand {
  readonly folder: string
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown[]>
  stdout = ''
  stderr = ''

  constructor(...parameters: string[]) {
    this.folder = mkdtempSync(join(tmpdir(), 'drill-test-'))
    // As root the server runs as nobody, who must get to its folder in here.
    chmodSync(this.folder, 0o755)
    this.#child = spawn(process.execPath, [program, ...parameters], {
      env: { ...process.env, TMPDIR: this.folder, FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = once(this.#child, 'close')
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
  }

  /** Waits for the process to end and gives its exit code, or the signal that killed it. */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.#ended
    return (code ?? signal) as number | string
  }

  /** Waits until it has written this on stdout; rejects with all that it has written if it ends without. */
  async writes(text: string): Promise<void> {
    await until(() => this.stdout.includes(text) || this.#child.exitCode !== null)
    if (!this.stdout.includes(text)) {
      throw new Error(`It ended without "${text}":\n${this.stdout}${this.stderr}`)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The drill's server, once its process id stands in its folder. */
  get server(): number | undefined {
    const folder = join(this.folder, this.left[0] ?? '')
    const file = pidFiles.map((name) => join(folder, name)).find((path) => existsSync(path))
    if (file === undefined) return undefined
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined
  }

  /** What is in its temp folder. */
  get left(): string[] {
    return readdirSync(this.folder)
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Resolves when a condition holds; rejects after far more than it needs, also beside other tests on a slow machine. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 100_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`In 100 seconds never: ${String(condition)}`)
    await sleep(10)
  }
}

export function isRunning(process_: number): boolean {
  try {
    return process.kill(process_, 0)
  } catch {
    return false
  }
}
