import { watch } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { RekeyError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { LoadedCredentials, Source } from '../source.ts'

/** Where {@link fromFile} finds user and password when they are in files of their own. */
export interface FileFields {
  /** A mounted Kubernetes secret: the other two are then names of files in it. */
  directory?: string
  /** Path of the file that holds the user name. */
  user: string
  /** Path of the file that holds the password. */
  password: string
}

export interface FileOptions {
  /** Whether a change is noticed when it happens, beside polling. Default: true. */
  watch?: boolean
}

/** How often a set that changes while it is read is read again. */
const attempts = 20

/**
 * Credentials from files, read as one set:
 *
 * - a path: a JSON file with `user` (or `username`), `password`, and if there are any `version` and `expiresAt`;
 * - `{ user, password }`: a file for each, read until two readings in a row agree. Where a writer can be slower than
 *   that, use one of the other two;
 * - `{ directory, user, password }`: a mounted Kubernetes secret, read behind one value of its `..data` link, which the
 *   kubelet swaps in one step. A `subPath` mount never changes and is refused.
 *
 * Directories are watched, not files: a file that is replaced takes its watch along. One newline at a file's end is
 * left out. The kubelet brings a changed secret within a minute or two, so the overlap window is yours to say.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a path that is missing. At load: `ERR_REKEY_ANSWER` for files that hold
 * no credentials, `ERR_REKEY_LOAD` for files that cannot be read.
 *
 * @example
 * fromFile('/etc/app/database.json')
 * fromFile({ directory: '/var/run/secrets/database', user: 'username', password: 'password' })
 */
export function fromFile(place: string | FileFields, options: FileOptions = {}): Source {
  const { name, directories, load } =
    typeof place === 'string' ? jsonFile(place) : fieldFiles(place)
  const source: Source = { name, load }
  if (options.watch === false) return source
  return {
    ...source,
    watch(onChange, { signal, onError }) {
      for (const directory of directories) {
        const watcher = watch(directory, { persistent: false, signal }, onChange)
        watcher.on('error', onError)
      }
    },
  }
}

interface Place {
  name: string
  directories: Iterable<string>
  load: Source['load']
}

function jsonFile(path: string): Place {
  requirePath('path', path)
  const load = async (): Promise<LoadedCredentials> => {
    const text = await readFile(path, 'utf8')
    const answer = parse(path, text)
    const { user = answer['username'], password, version, expiresAt } = answer
    const expiry = typeof expiresAt === 'string' ? new Date(expiresAt) : expiresAt
    // What is not a string is refused, with its name, where every source's answer is checked.
    return { user, password, version, expiresAt: expiry } as LoadedCredentials
  }
  return { name: `file ${path}`, directories: [dirname(path)], load }
}

function parse(path: string, text: string): Record<string, unknown> {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // Without a cause: the parser's own message quotes the text, and the text holds the password.
  }
  if (typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>
  throw new RekeyError('ERR_REKEY_ANSWER', `The file ${path} does not hold a JSON object.`, {
    option: path,
    given: `${text.length} characters that are not a JSON object`,
    allowed: '{ "user": …, "password": … }',
  })
}

function fieldFiles({ directory, user, password }: FileFields): Place {
  requirePath('user', user)
  requirePath('password', password)
  if (directory === undefined) {
    const read = async (): Promise<LoadedCredentials> => readSet(user, password)
    const load = (): Promise<LoadedCredentials> =>
      untilSame(`${user} and ${password}`, read, isSame)
    return {
      name: `files ${user}, ${password}`,
      directories: new Set([dirname(user), dirname(password)]),
      load,
    }
  }
  requirePath('directory', directory)
  const load = async (): Promise<LoadedCredentials> => {
    const read = async (): Promise<{ data: string; set: LoadedCredentials }> => {
      const data = await dataDirectory(directory)
      return { data, set: await readSet(join(data, user), join(data, password)) }
    }
    // The same `..data` before and after: both files come from one version of the secret.
    return (await untilSame(directory, read, (a, b) => a.data === b.data)).set
  }
  return { name: `secret ${directory}`, directories: [directory], load }
}

async function readSet(user: string, password: string): Promise<LoadedCredentials> {
  return { user: await readField(user), password: await readField(password) }
}

async function readField(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
}

function isSame(a: LoadedCredentials, b: LoadedCredentials): boolean {
  return a.user === b.user && a.password === b.password
}

/** Reads until two readings in a row agree. A reading that fails because the set is being swapped counts as another. */
async function untilSame<Reading>(
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
    } catch (error) {
      if (error instanceof RekeyError) throw error
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

async function dataDirectory(directory: string): Promise<string> {
  try {
    return await realpath(join(directory, '..data'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw error
    throw new RekeyError(
      'ERR_REKEY_ANSWER',
      `${directory} has no ..data link, so it is not a mounted Kubernetes secret, or one that is mounted with ` +
        'subPath, which never changes. Mount the whole secret as a directory, or name plain files without directory.',
      { option: 'directory', given: directory, allowed: 'a mounted secret, without subPath' },
    )
  }
}

function requirePath(option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw invalid(option, value, 'a path')
}
