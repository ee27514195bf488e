import { mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder of its own for one test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'rekey-source-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Replaces a file in one step, as a careful writer does. */
export async function replace(path: string, content: string): Promise<void> {
  await writeFile(`${path}.tmp`, content)
  await rename(`${path}.tmp`, path)
}

/**
 * A mounted secret, written as the kubelet's atomic writer does it: the keys in a new directory, a new link to it renamed
 * over `..data`, the old directory removed.
 * https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
 */
export class SecretVolume {
  readonly directory: string
  #written = 0

  constructor(directory: string) {
    this.directory = directory
  }

  async write(keys: Record<string, string>): Promise<void> {
    const link = join(this.directory, '..data')
    const old = await readlink(link).catch(() => undefined)
    this.#written += 1
    const fresh = `..2030_01_01_00_00_00.${this.#written}`
    await mkdir(join(this.directory, fresh))
    for (const [key, value] of Object.entries(keys)) {
      await writeFile(join(this.directory, fresh, key), value)
    }
    await symlink(fresh, join(this.directory, '..data_tmp'))
    await rename(join(this.directory, '..data_tmp'), link)
    for (const key of Object.keys(keys)) {
      // The names that a program sees go through the link.
      await symlink(join('..data', key), join(this.directory, key)).catch(() => {})
    }
    if (old !== undefined) await rm(join(this.directory, old), { recursive: true })
  }
}
