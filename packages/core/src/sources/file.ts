import { basename, dirname, join } from 'node:path'
import { invalid, text } from '../options.ts'
import type { LoadContext, LoadedCredentials, Source } from '../source.ts'
import { readPair, readText, untilSame, whileSteady } from './file-set.ts'
import { watchDirectories } from './file-watch.ts'
import { answerOf, parseObject } from './json.ts'

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

/**
 * Credentials from files, read as one set:
 *
 * - a path: a JSON file with `user` (or `username`), `password`, and if there are any `version` and `expiresAt` (an ISO
 *   date, or milliseconds since the epoch);
 * - `{ user, password }`: a file for each, read until two readings 50 ms apart agree. Where a writer can be slower than
 *   that between the two, use one of the other shapes;
 * - `{ directory, user, password }`: a mounted Kubernetes secret, read behind one value of its `..data` link, which the
 *   kubelet swaps in one step. A `subPath` mount never changes and is refused.
 *
 * Directories are watched, not files: a file that is replaced takes its watch along. One newline at a file's end is
 * left out. The kubelet brings a changed secret within a minute or two, so the overlap window is yours to say;
 * all timings follow from it as core has them: a read costs next to nothing.
 * https://kubernetes.io/docs/concepts/configuration/secret
 *
 * | failure | |
 * |---|---|
 * | no such file, not allowed to be read | reported at once, tried again with backoff; the last good pair keeps serving |
 * | no JSON, no `user` or `password`, too long | the same |
 * | a `subPath` mount, files that change at every reading | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a path that is missing. At load: `ERR_REKEY_ANSWER` for files that hold
 * no credentials, `ERR_REKEY_LOAD` for files that cannot be read.
 *
 * @example
 * fromFile('/etc/app/database.json')
 * fromFile({ directory: '/var/run/secrets/database', user: 'username', password: 'password' })
 */
export function fromFile(place: string | FileFields, options: FileOptions = {}): Source {
  const { name, directories, files, load } =
    typeof place === 'object' && place !== null ? fieldFiles(place) : jsonFile(place)
  const { watch = true } = options
  if (typeof watch !== 'boolean') throw invalid('watch', watch, 'true or false')
  if (!watch) return { name, load }
  return {
    name,
    load,
    watch: (onChange, context) => watchDirectories(directories, files, onChange, context),
  }
}

interface Place {
  name: string
  /** Where a change shows, and under which names. */
  directories: Iterable<string>
  files: readonly string[]
  load: (context: LoadContext) => Promise<LoadedCredentials>
}

function jsonFile(path: string): Place {
  text('path', path, 'the path of a JSON file, or { user, password } with a path for each')
  const load = async (): Promise<LoadedCredentials> =>
    answerOf(parseObject(await readText(path), path, `The file ${path}`))
  return { name: `file ${path}`, directories: [dirname(path)], files: [basename(path)], load }
}

function fieldFiles({ directory, user, password }: FileFields): Place {
  const allowed = directory === undefined ? "a file's path" : 'the name of a file in directory'
  text('user', user, allowed)
  text('password', password, allowed)
  if (directory !== undefined) return secretDirectory(directory, user, password)
  return {
    name: `files ${user}, ${password}`,
    directories: new Set([dirname(user), dirname(password)]),
    files: [basename(user), basename(password)],
    load: (context) => untilSame(user, password, context),
  }
}

function secretDirectory(directory: string, user: string, password: string): Place {
  text('directory', directory, 'the path of a mounted secret')
  return {
    name: `secret ${directory}`,
    directories: [directory],
    files: [],
    // The link's target is no version: the kubelet makes a new one for a change to any key of the secret, and then the
    // same pair would be rotated. The hash of the pair is one, and a directory has no replicas that lag.
    load: () => whileSteady(directory, (data) => readPair(join(data, user), join(data, password))),
  }
}
