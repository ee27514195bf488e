import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { RekeyError } from '../errors.ts'
import { sleep } from '../sleep.ts'
import type { LoadContext } from '../source.ts'
import { largestAnswer, tooLong } from './json.ts'

/** How often a set that changes while it is read is read again. */
const attempts = 20

/** A writer of two files needs a moment between them; two readings this many milliseconds apart see one of them move. */
const betweenFiles = 50

interface Pair {
  user: string
  password: string
}

/** What a file holds, or `ERR_REKEY_LOAD` with a message that says why it cannot be read. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** User and password from a file each. One newline at a file's end is the editor's. */
export async function readPair(user: string, password: string): Promise<Pair> {
  return { user: await readField(user), password: await readField(password) }
}

async function readField(path: string): Promise<string> {
  const content = await readText(path)
  if (content.length > largestAnswer) throw tooLong(path)
  return content.replace(/\r?\n$/, '')
}

/** Reads a pair until two readings in a row agree. */
export async function untilSame(
  user: string,
  password: string,
  { signal, clock = systemClock }: LoadContext,
): Promise<Pair> {
  let before = await readPair(user, password)
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    // Whoever awaits the load keeps the process alive; this does not.
    await sleep(clock, betweenFiles, signal)
    signal.throwIfAborted()
    const now = await readPair(user, password)
    if (now.user === before.user && now.password === before.password) return now
    before = now
  }
  throw unsteady(`${user} and ${password}`)
}

/** Reads from a mounted secret's data until the secret was not swapped meanwhile: then it is one set, and the newest. */
export async function whileSteady<Reading>(
  directory: string,
  read: (data: string) => Promise<Reading>,
): Promise<Reading> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const data = await dataDirectory(directory)
    const [reading] = await Promise.allSettled([read(data)])
    if ((await dataDirectory(directory)) !== data) continue
    if (reading.status === 'fulfilled') return reading.value
    throw reading.reason
  }
  throw unsteady(directory)
}

function unsteady(place: string): RekeyError {
  return new RekeyError('ERR_REKEY_ANSWER', `${place} changes faster than it can be read.`, {
    option: place,
    given: `another content at each of ${attempts} readings`,
    allowed: 'user and password that are replaced together',
  })
}

/** Where a mounted secret's `..data` link leads at the moment: a directory that never changes. */
async function dataDirectory(directory: string): Promise<string> {
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
