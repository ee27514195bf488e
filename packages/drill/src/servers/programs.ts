import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackDebian } from './debian-packages.ts'

const run = promisify(execFile)

/** A server's programs, in the version that the tests are for. */
export interface Programs {
  /** Where they are installed, as in `/usr`. */
  readonly prefix: string
  /** How to call one. */
  readonly command: (name: string) => readonly [string, ...string[]]
}

/** Programs of the version that was wanted. */
export interface FoundPrograms extends Programs {
  /** How to call the server's program. */
  readonly program: readonly [string, ...string[]]
  /** What the server's program says of its version. */
  readonly version: string
}

/** Which programs, and how to know the version. */
export interface Wanted {
  readonly server: string
  readonly version: string
  /** The server's program. */
  readonly program: string
  /** What it says of its version, if that is the right one. */
  readonly says: RegExp
  /** The Debian package that it comes in. */
  readonly debian: string
}

/** From PATH where they are there in the right version, else from Debian packages. @throws if neither has them. */
export async function findPrograms(wanted: Wanted): Promise<FoundPrograms> {
  const installed = await findOnPath(wanted.program)
  if (installed !== undefined) {
    const programs: Programs = {
      prefix: dirname(dirname(await realpath(installed))),
      command: (name) => [join(dirname(installed), name)],
    }
    const found = await inVersion(programs, wanted)
    if (found !== undefined) return found
  }
  const { server, version, program, debian } = wanted
  const packed = await unpackDebian(server, [debian]).then(throughLoader, (error: unknown) =>
    String(error),
  )
  if (typeof packed === 'object') {
    const found = await inVersion(packed, wanted)
    if (found !== undefined) return found
  }
  throw new Error(
    `There is no ${program} ${version} on PATH, nor in a Debian package: ` +
      `${typeof packed === 'object' ? 'the one that was unpacked has another version.' : packed}\n` +
      `Install ${server} ${version}, or apt-get and dpkg-deb with a Debian mirror in reach; outside of Debian also its ` +
      'package debian-archive-keyring.',
  )
}

/** Also where an ordinary user's PATH does not look, but a package puts a server. */
async function findOnPath(program: string): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/local/sbin', '/usr/sbin')
  for (const folder of folders) {
    const found = await stat(join(folder, program)).catch(() => undefined)
    if (found?.isFile()) return join(folder, program)
  }
  return undefined
}

/** These programs, if the server's is of the right version. */
async function inVersion(
  programs: Programs,
  { program: name, says }: Wanted,
): Promise<FoundPrograms | undefined> {
  const program = programs.command(name)
  const [file, ...words] = program
  const said = await run(file, [...words, '--version']).catch(() => undefined)
  if (said === undefined || !says.test(said.stdout)) return undefined
  return { ...programs, program, version: said.stdout }
}

const machines: Partial<Record<NodeJS.Architecture, { libraries: string; loader: string }>> = {
  x64: { libraries: 'x86_64-linux-gnu', loader: 'lib64/ld-linux-x86-64.so.2' },
  arm64: { libraries: 'aarch64-linux-gnu', loader: 'lib/ld-linux-aarch64.so.1' },
}

/** The packages' libraries are newer than the machine's: they go with their own loader. */
export function throughLoader(root: string): Programs {
  const machine = machines[process.arch]
  if (machine === undefined)
    throw new Error(`Nothing is known of the libraries of ${process.arch}.`)
  const prefix = join(root, 'usr')
  const loader = join(prefix, machine.loader)
  const libraries = join(prefix, 'lib', machine.libraries)
  return {
    prefix,
    command: (name) => {
      const folder = existsSync(join(prefix, 'sbin', name)) ? 'sbin' : 'bin'
      return [loader, '--library-path', libraries, join(prefix, folder, name)]
    },
  }
}
