import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** What the folders are called that somebody works in. */
const working = 'making-'

/** Longer than anything takes to be made: what is older was left by somebody who was killed. */
const abandonedAfter = 60 * 60_000

/**
 * Says where the folder of this name is that this machine keeps; what is there already is reused. Else `make` makes it in
 * the folder that it is given, and says where there. Any number of processes may ask at once: each works in a folder of its
 * own, and the first that is ready gives it the name that counts.
 */
export async function cached(
  name: string,
  make: (work: string) => Promise<string>,
): Promise<string> {
  const cache = cacheFolder()
  const finished = join(cache, name)
  if (await exists(finished)) return finished
  await mkdir(cache, { recursive: true })
  await removeAbandoned(cache)
  const work = await mkdtemp(join(cache, working))
  try {
    const made = await make(work)
    await rename(made, finished).catch(async (error: unknown) => {
      if (!(await exists(finished))) throw error
    })
    return finished
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function cacheFolder(): string {
  const { REKEY_CACHE: own, XDG_CACHE_HOME: shared } = process.env
  return own || join(shared || join(homedir(), '.cache'), 'rekey')
}

async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(working)) continue
    const folder = join(cache, name)
    const since = await stat(folder).catch(() => undefined)
    if (since === undefined || Date.now() - since.mtimeMs < abandonedAfter) continue
    await rm(folder, { recursive: true, force: true })
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
