import { execFile, type ExecFileException } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const workspace = fileURLToPath(new URL('../../', import.meta.url))

/** Answers the output of a command; where it fails, the error has it: that is where tsc says why. */
export async function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  try {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 }
    const { stdout } = await promisify(execFile)(command, args, options)
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as ExecFileException
    throw new Error(`${command} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: error })
  }
}

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
  await run('pnpm', ['run', 'build'], workspace)
  const packed = await run(
    'pnpm',
    ['-r', '--filter', './packages/*', 'pack', '--json', '--pack-destination', destination],
    workspace,
  )
  return JSON.parse(packed) as PackedPackage[]
}
