import type { RekeyError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { LoadContext, LoadedCredentials, Source } from '../source.ts'
import { askGoogle, numberOf, type GoogleAuthLike } from './google.ts'
import { isRefusal, pathOf, urlOf } from './http.ts'
import { isPair, pairOf, parseObject } from './json.ts'
import { storeError } from './store-error.ts'

export type { GoogleAuthLike } from './google.ts'

export interface GoogleSecretManagerOptions {
  /** What signs the questions: a `GoogleAuth`, or a client of it. Default: the Application Default Credentials. */
  auth?: GoogleAuthLike
  /** Default: `https://secretmanager.googleapis.com`, or that of the location which the secret's name has. */
  endpoint?: string
}

const allowed =
  'projects/<project>/secrets/<name>, with a location or without, and without a version'
// A location becomes part of a host's name, too.
const shape = /^projects\/[^/]+\/(?:locations\/([a-z0-9-]+)\/)?secrets\/[^/]+$/

/** How many versions after one that was in use may be disabled or destroyed. */
const mostWithdrawn = 16

/**
 * The newest version of a secret in Google Secret Manager that is enabled: a JSON object with `username` (or `user`) and
 * `password`. The version is its number. `latest` is asked at the start alone, since it may lag by minutes; from then on the
 * next number is asked for, which is consistent at once, so that a push finds what it tells of
 * (https://docs.cloud.google.com/secret-manager/docs/reference/consistency). Where the newest is disabled, the one before it
 * is answered, and taken up once the server has refused the newest.
 *
 * Secret Manager rotates nothing, it only notifies: whoever does decides how long the old pair works, so `overlap` is yours
 * to say; TTL, jitter and bridge follow from it as core has them. A refresh is two questions, of 90,000 per minute and project. Needs `google-auth-library`, and
 * `roles/secretmanager.secretAccessor`; with `roles/secretmanager.viewer` too it can start while the latest is disabled.
 *
 * | failure | |
 * |---|---|
 * | throttled (429, 503), unreachable | reported at once, tried again with backoff |
 * | forbidden, no Google credentials, a clock that is wrong by minutes | the same |
 * | not found, no version enabled | the same; the last good pair keeps serving |
 * | no JSON, no `username` or `password`, too long | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for another name. At load: `ERR_REKEY_SDK`, `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromGoogleSecretManager('projects/shop/secrets/database')
 */
export function fromGoogleSecretManager(
  secret: string,
  options: GoogleSecretManagerOptions = {},
): Source {
  const [full, location] = shape.exec(pathOf('secret', secret, allowed)) ?? []
  if (full === undefined) throw invalid('secret', secret, allowed)
  const host = location === undefined ? 'secretmanager' : `secretmanager.${location}.rep`
  const usual = `https://${host}.googleapis.com`
  const endpoint = urlOf('endpoint', options.endpoint ?? usual, 'the URL of the API')
  const name = `Google Secret Manager ${secret}`
  const ask = askGoogle(name, secret, `${endpoint}/v1`, options.auth)
  let last: LoadedCredentials | undefined

  async function read(version: string | number, signal: AbortSignal): Promise<LoadedCredentials> {
    const answer = await ask(`/versions/${version}:access`, signal)
    const { data } = (answer['payload'] ?? {}) as { data?: unknown }
    const content = Buffer.from(String(data), 'base64').toString()
    const fields = parseObject(content, secret, `The version ${version} of ${secret}`)
    return { ...pairOf(fields), version: String(numberOf(answer, secret)) }
  }

  /** Why there is nothing to read: `'missing'`, never added; `'withdrawn'`, disabled or destroyed. */
  async function look(version: string | number, signal: AbortSignal) {
    return read(version, signal).catch((error: unknown) => {
      if (isRefusal(error, 'not found')) return 'missing'
      if (isRefusal(error, 'unusable settings')) return 'withdrawn'
      throw error
    })
  }

  /** The newest number that can be learned of without knowing any. */
  async function start(signal: AbortSignal): Promise<number> {
    const latest = await look('latest', signal)
    if (typeof latest === 'object') return Number(latest.version)
    if (latest === 'missing') throw none()
    // The newest first. Who may not list is told what is wrong with the latest.
    const answer = ask('/versions?filter=state:ENABLED&pageSize=1', signal)
    const { versions = [] } = (await answer.catch(() => ({}))) as { versions?: { name?: string }[] }
    if (versions[0] === undefined) throw none()
    return numberOf(versions[0], secret)
  }

  async function newestFrom(number: number, signal: AbortSignal) {
    let newest: LoadedCredentials | undefined
    for (let next = number, withdrawn = 0; withdrawn < mostWithdrawn; next += 1) {
      const found = await look(next, signal)
      if (found === 'missing') break
      if (found === 'withdrawn') withdrawn += 1
      else newest = found
    }
    return newest
  }

  async function load({ signal }: LoadContext): Promise<LoadedCredentials> {
    const known = Number(last?.version ?? (await start(signal)))
    const found = (await newestFrom(known, signal)) ?? (await look(known - 1, signal))
    if (typeof found === 'string') throw none()
    if (found.version === last?.version) return { ...found, previous: last?.previous }
    const before = await look(Number(found.version) - 1, signal).catch(() => undefined)
    const isUsable = typeof before === 'object' && isPair(before)
    return (last = { ...found, previous: isUsable ? before : undefined })
  }

  const none = (): RekeyError =>
    storeError(name, { failure: 'not found', place: secret, detail: 'no version of it is enabled' })

  return { name, defaults: { loadDeadline: 5_000 }, load }
}
