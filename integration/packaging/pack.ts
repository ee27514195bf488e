import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const workspace = fileURLToPath(new URL('../../', import.meta.url))

export interface PackedPackage {
  name: string
  version: string
  /** Absolute path of the tarball. */
  filename: string
  files: { path: string }[]
}

/**
 * Builds every publishable package and packs it as it would be published. pnpm has to do it: only pnpm
 * puts `publishConfig.exports` (dist) in the place of `exports` (src) and resolves `workspace:` ranges.
 */
export async function packAll(destination: string): Promise<PackedPackage[]> {
  await run('pnpm', ['run', 'build'], { cwd: workspace })
  const { stdout } = await run(
    'pnpm',
    ['-r', '--filter', './packages/*', 'pack', '--json', '--pack-destination', destination],
    { cwd: workspace },
  )
  return JSON.parse(stdout) as PackedPackage[]
}
