import { systemClock } from '../../clock.ts'
import { RekeyError } from '../../errors.ts'
import { text } from '../../options.ts'
import { Secret } from '../../secret.ts'
import type { LoadContext } from '../../source.ts'
import { askHttp, encodePath, isRefusal, pathOf, urlOf } from '../http.ts'
import { textOf } from '../json.ts'

/** How to reach a Vault or an OpenBao, and how to be let in: by `token` or by `login`. */
export interface VaultOptions {
  /** For example `https://vault.internal:8200`. */
  address: string
  namespace?: string
  /** A token, or a function that reads it, for example from the file of an agent. */
  token?: string | Secret | (() => string | Promise<string>)
  /** A login whose token is renewed at two thirds of its life: `{ path: 'auth/kubernetes/login', body: () => ({ role, jwt }) }`. */
  login?: { path: string; body: () => object | Promise<object> }
}

/** What Vault wraps every answer in. */
export interface VaultAnswer {
  data: Record<string, unknown>
  lease_id?: unknown
  lease_duration?: unknown
  renewable?: unknown
  auth?: { client_token?: unknown; lease_duration?: unknown; renewable?: unknown }
}

/** What a question has beside its path. */
type VaultQuestion = { version?: number | undefined; body?: object }

export interface VaultClient {
  /** The token that was let in last. */
  readonly key: Secret | undefined
  ask(path: string, context: LoadContext, more?: VaultQuestion): Promise<VaultAnswer>
}

interface Entry {
  token: Secret
  /** When it is two thirds through its life, and when that is over. `Infinity` for one without an end. */
  renewAt: number
  endsAt: number
}

/** @throws {RekeyError} `ERR_REKEY_OPTION`, naming what is missing. */
export function vaultClient(source: string, options: VaultOptions): VaultClient {
  const { namespace, token, login } = options
  const address = urlOf('address', options.address, 'the URL of a Vault')
  if ((token === undefined) === (login === undefined)) {
    const given = token === undefined ? 'neither' : 'both'
    const message = `${given} of token and login; it must be one of them.`
    throw new RekeyError('ERR_REKEY_OPTION', message, { option: 'token', given, allowed: 'one' })
  }
  if (login !== undefined) pathOf('login.path', login.path, 'the path of a login')
  let entry: Entry | undefined
  let last: Secret | undefined

  async function send(path: string, signal: AbortSignal, key?: Secret, more: VaultQuestion = {}) {
    const { version, body } = more
    const headers = {
      'x-vault-request': 'true',
      ...(key && { 'x-vault-token': key.reveal() }),
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    }
    const method = body === undefined ? 'GET' : 'POST'
    const query = version === undefined ? '' : `?version=${version}`
    const url = `${address}/v1/${encodePath(path)}${query}`
    const question = { source, place: path, url, signal, method, headers, body } as const
    const answer = (await askHttp(question)) as Partial<VaultAnswer>
    return { ...answer, data: answer.data ?? {} }
  }

  function admit({ auth }: VaultAnswer, askedAt: number): Secret {
    const key = new Secret(textOf('client_token', auth?.client_token, source))
    const life = Number(auth?.lease_duration) * 1_000 || Infinity
    const renewAt = askedAt + (life * 2) / 3
    entry = { token: key, renewAt, endsAt: askedAt + life }
    return key
  }

  async function enter({ signal, clock = systemClock }: LoadContext): Promise<Secret> {
    if (login === undefined) {
      const given = typeof token === 'function' ? await token() : token
      if (given instanceof Secret) return given
      return new Secret(text('token', given?.trim(), 'a token of Vault'))
    }
    const now = clock.wall()
    if (entry !== undefined && now < entry.renewAt) return entry.token
    if (entry !== undefined && now < entry.endsAt) {
      const renewed = await send('auth/token/renew-self', signal, entry.token, { body: {} }).catch(
        () => undefined,
      )
      // Near its longest life it is renewed by less and less; then a new login is due.
      if (Number(renewed?.auth?.lease_duration) * 1_000 > entry.endsAt - now) {
        return admit(renewed!, now)
      }
    }
    return admit(await send(login.path, signal, undefined, { body: await login.body() }), now)
  }

  return {
    get key() {
      return last
    },
    async ask(path, context, more) {
      const { signal } = context
      const key = (last = await enter(context))
      try {
        return await send(path, signal, key, more)
      } catch (error) {
        // A token that was revoked is replaced once; what may not be read stays so.
        if (entry?.token !== key || !isRefusal(error, 'forbidden')) throw error
        entry = undefined
        return send(path, signal, (last = await enter(context)), more)
      }
    },
  }
}
