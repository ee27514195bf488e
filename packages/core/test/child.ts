import { execFile } from 'node:child_process'

const core = new URL('../src/index.ts', import.meta.url).href

/** How a process of its own ended. `code` is null if it had to be killed, for it would not have ended by itself. */
export interface Ending {
  code: number | null
  output: string
}

/** Runs a module in a process of its own that has core's exports as `core`; kills it after far more than it needs. */
export function runAlone(body: string): Promise<Ending> {
  const code = `import * as core from ${JSON.stringify(core)}\n${body}`
  const options = { timeout: 100_000 }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--no-warnings', '--input-type=module', '--eval', code],
      options,
      (_error, stdout, stderr) => resolve({ code: child.exitCode, output: stdout + stderr }),
    )
  })
}
