import { createHash } from 'node:crypto'
import { constants, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from './cached.ts'

/** What a data folder is made by. */
export interface Recipe {
  readonly server: string
  /** What the server's program says of its version. */
  readonly version: string
  /** All else that makes one differ from another. */
  readonly of: string
  /** Makes `data` in a folder, as a server that has never run. */
  readonly make: (folder: string) => Promise<unknown>
}

/**
 * Gives a server that has never run its data folder, `data` in `folder`. To make one takes seconds: it is a copy of one that
 * was made on this machine by the same programs.
 */
export async function giveData(
  { server, version, of, make }: Recipe,
  folder: string,
): Promise<void> {
  const recipe = createHash('sha256').update(version).update(of).digest('hex').slice(0, 12)
  const made = await cached(`${server}-data-${recipe}`, async (work) => {
    await make(work)
    return join(work, 'data')
  })
  const mode = constants.COPYFILE_FICLONE
  await cp(made, join(folder, 'data'), { recursive: true, mode })
}
