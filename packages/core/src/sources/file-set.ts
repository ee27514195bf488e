import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RekeyError } from '../errors.ts'

/** How often a set that changes while it is read is read again. */
const attempts = 20

/** What a file holds, or `ERR_REKEY_LOAD` with a message that says why it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Reads until two readings in a row agree. One that fails because the set is just being swapped is no reading. */
export async function untilSame<Reading>(
  place: string,
  read: () => Promise<Reading>,
  same: (a: Reading, b: Reading) => boolean,
): Promise<Reading> {
  let before: Reading | undefined
  let failure: unknown
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    try {
      const now = await read()
      if (before !== undefined && same(before, now)) return now
      before = now
      failure = undefined
    } catch (error) {
      before = undefined
      failure = error
    }
  }
  throw (
    failure ??
    new RekeyError('ERR_REKEY_ANSWER', `${place} changes faster than it can be read.`, {
      option: place,
      given: `${attempts} readings, no two in a row alike`,
      allowed: 'user and password that are replaced together',
    })
  )
}

/** Where a mounted secret's `..data` link leads at the moment: a directory that never changes. */
export async function dataDirectory(directory: string): Promise<string> {
  try {
    return await realpath(join(directory, '..data'))
  } catch (error) {
    await stat(directory).catch((missing: unknown) => {
      throw unreadable(directory, missing)
    })
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(directory, error)
    throw new RekeyError(
      'ERR_REKEY_ANSWER',
      `${directory} has no ..data link, so it is not a mounted Kubernetes secret, or one that is mounted with ` +
        'subPath, which never changes. Mount the whole secret as a directory, or name plain files without directory.',
      { option: 'directory', given: directory, allowed: 'a mounted secret, without subPath' },
    )
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of its path is no directory',
  EISDIR: 'is a directory; name a file',
  EACCES: 'may not be read by this process; check its owner and mode',
  EPERM: 'may not be read by this process; check its owner and mode',
}

function unreadable(path: string, cause: unknown): RekeyError {
  const { code = 'an unknown error' } = cause as NodeJS.ErrnoException
  const given = reasons[code] ?? `cannot be read (${code})`
  return new RekeyError('ERR_REKEY_LOAD', `${path} ${given}.`, {
    option: path,
    given,
    allowed: 'a path that this process can read',
    cause,
  })
}
