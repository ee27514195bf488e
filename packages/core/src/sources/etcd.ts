import { text } from '../options.ts'
import { Secret } from '../secret.ts'
import type { LoadContext, LoadedCredentials, Source } from '../source.ts'
import { watchEtcd } from './etcd/watch.ts'
import { askHttp, isRefusal, urlOf } from './http.ts'
import { answerOf, isPair, parseObject, textOf } from './json.ts'
import { notifiedBy } from './notified-by.ts'
import { storeError } from './store-error.ts'

export interface EtcdOptions {
  /** A member of the cluster, or a proxy before it, for example `https://etcd.internal:2379`. */
  address: string
  /** For a cluster with authentication. */
  login?: { name: string; password: string | Secret }
  /** Milliseconds over which the processes that hear of the same change ask for it. Default: 2000. */
  spread?: number
}

interface KeyValue {
  value?: string
  mod_revision?: string
}

/**
 * A key of etcd (3.4 or later, over its JSON gateway) with a JSON object: `user` (or `username`), `password`, and if there
 * is one `expiresAt`. The version is the revision that changed the key last, which only grows; the value before it
 * stands in where the server refuses the newest. The key is watched from the revision on that was read: a connection
 * that is lost goes on where it was, and one that comes after a compaction asks anew, so that no change is missed.
 *
 * Whoever writes the key decides how long the old pair works, so `overlap` is yours to say; TTL, jitter and bridge follow from
 * it as core has them, and are for what the watch misses.
 *
 * | failure | |
 * |---|---|
 * | throttled (429, 503), no leader, unreachable | reported at once, tried again with backoff |
 * | forbidden | one more login, then reported at once, tried again with backoff |
 * | no such key | the same; the last good pair keeps serving |
 * | no JSON, no `user` or `password`, too long | the same |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`. At load: `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * fromEtcd('/database/app', { address: 'https://etcd.internal:2379' })
 */
export function fromEtcd(key: string, options: EtcdOptions): Source {
  text('key', key, 'a key of etcd')
  const address = urlOf('address', options.address, 'the URL of an etcd')
  const { login, spread } = options
  const source = `etcd ${key}`
  const encoded = Buffer.from(key).toString('base64')
  const firstRevision = Promise.withResolvers<bigint>()
  let token: Secret | undefined
  let last: LoadedCredentials | undefined

  function send(path: string, signal: AbortSignal, body: object, secret?: Secret) {
    const headers = secret && { authorization: secret.reveal() }
    const url = `${address}/v3/${path}`
    return askHttp({ source, place: key, url, signal, method: 'POST', headers, body })
  }

  async function enter(signal: AbortSignal): Promise<Secret | undefined> {
    if (login === undefined) return undefined
    const { name, password } = login
    const revealed = password instanceof Secret ? password.reveal() : password
    const answer = await send('auth/authenticate', signal, { name, password: revealed })
    return (token = new Secret(textOf('token', answer['token'], source)))
  }

  async function ask(path: string, signal: AbortSignal, body: object) {
    const held = token
    return send(path, signal, body, held ?? (await enter(signal))).catch(async (error: unknown) => {
      if (held === undefined || !isRefusal(error, 'forbidden')) throw error
      return send(path, signal, body, await enter(signal))
    })
  }

  async function read(signal: AbortSignal, revision?: bigint) {
    const at = revision === undefined ? {} : { revision: String(revision) }
    const { header, kvs } = await ask('kv/range', signal, { key: encoded, ...at })
    const [found] = (kvs ?? []) as KeyValue[]
    if (found === undefined) throw storeError(source, { failure: 'not found', place: key })
    const content = Buffer.from(found.value ?? '', 'base64').toString()
    const fields = parseObject(content, key, `The key ${key}`)
    const pair = { ...answerOf(fields), version: found.mod_revision }
    return { pair, revision: BigInt((header as { revision: string }).revision) }
  }

  async function load({ signal }: LoadContext): Promise<LoadedCredentials> {
    const { pair, revision } = await read(signal)
    firstRevision.resolve(revision)
    if (pair.version === last?.version) return { ...pair, previous: last?.previous }
    const before = await read(signal, BigInt(pair.version ?? 1) - 1n).catch(() => undefined)
    return (last = { ...pair, previous: before && isPair(before.pair) ? before.pair : undefined })
  }

  return notifiedBy(
    { name: source, defaults: { loadDeadline: 5_000 }, load },
    (wake, context) => {
      watchEtcd({
        address,
        key: encoded,
        from: firstRevision.promise,
        authorization: () => token?.reveal(),
        wake,
        ...context,
      })
    },
    spread === undefined ? {} : { spread },
  )
}
