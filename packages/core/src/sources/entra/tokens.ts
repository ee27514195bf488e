import { systemClock } from '../../clock.ts'
import { RekeyError } from '../../errors.ts'
import { text } from '../../options.ts'
import { isFresh, type Freshness, type Random } from '../../schedule.ts'
import type { LoadContext, LoadedCredentials, Source, SourceDefaults } from '../../source.ts'
import { azureError, defaultCredential, type EntraCredential } from '../azure.ts'
import { largestAnswer, tooLong } from '../json.ts'
import { storeError } from '../store-error.ts'

export interface EntraOptions {
  /** The account that the token is for. Default: as the token's claims say. */
  user?: string
  /** Default: a `DefaultAzureCredential`, made anew for each token, since one that is kept answers from its cache. */
  credential?: EntraCredential
  /** What the token is for. Default: as it is in the public cloud. */
  scope?: string
  /** For tests. */
  random?: Random
}

type Claims = Record<string, unknown>

/** What the tokens are for. */
export interface EntraPurpose {
  readonly name: string
  readonly scope: string
  /** Milliseconds: for how long there is a next token while the last one still lives, and how often it is asked for. */
  readonly overlap: number
  readonly ttl: number
  readonly checkedAtLogin: boolean
  /** Whose token it is, as far as its claims say. */
  readonly userOf: (claims: Claims) => unknown
}

const timings: SourceDefaults = { jitter: 0.1, loadDeadline: 10_000, loginDeadline: 5_000 }

interface Held {
  token: string
  loaded: LoadedCredentials
  /** Until it is time to ask for the next one. */
  freshness: Freshness
}

/** A source of tokens for one purpose. @throws {RekeyError} `ERR_REKEY_OPTION` for an option that is empty. */
export function entraTokens(options: EntraOptions, purpose: EntraPurpose): Source {
  const { user, credential, scope = purpose.scope, random = Math.random } = options
  const { name, overlap, ttl, checkedAtLogin, userOf } = purpose
  if (user !== undefined) text('user', user, 'the name of an account, or nothing')
  text('scope', scope, 'what the token is for, or nothing')
  let held: Held | undefined

  async function load({ signal, clock = systemClock }: LoadContext): Promise<LoadedCredentials> {
    const [loadedAt, loadedAtWall] = [clock.now(), clock.wall()]
    if (held !== undefined && isFresh(held.freshness, loadedAt, loadedAtWall)) return held.loaded
    const answer = await ask(signal).catch((cause: unknown) => {
      if (cause instanceof RekeyError) throw cause
      throw azureError(name, scope, cause)
    })
    if (answer === null) throw storeError(name, { failure: 'forbidden', place: scope })
    const { token, expiresOnTimestamp: expiresAt } = answer
    if (token.length > largestAnswer) throw tooLong(scope)
    // A credential that keeps its tokens has no other yet.
    if (token === held?.token) return held.loaded
    const account = user ?? userNamedIn(token)
    const version = checkedAtLogin && { version: `${account} by Entra ID`, checkedAtLogin }
    const loaded = { user: account, password: token, expiresAt, ...version }
    const freshFor = (expiresAt - loadedAtWall) * (0.7 + 0.1 * random())
    held = { token, loaded, freshness: { loadedAt, loadedAtWall, freshFor } }
    return loaded
  }

  async function ask(signal: AbortSignal) {
    const from = credential ?? (await defaultCredential())
    return from.getToken(scope, { abortSignal: signal })
  }

  function userNamedIn(token: string): string {
    const account = userOf(claimsOf(token))
    if (typeof account === 'string' && account !== '') return account
    const details = { option: 'user', given: 'nothing', allowed: 'the name of an account, as user' }
    const message = `The token that ${name} brought does not say whose it is; give user.`
    throw new RekeyError('ERR_REKEY_ANSWER', message, details)
  }

  return { name, defaults: { ...timings, overlap, ttl }, load }
}

function claimsOf(token: string): Claims {
  try {
    const [, claims = ''] = token.split('.')
    return (JSON.parse(Buffer.from(claims, 'base64url').toString()) ?? {}) as Claims
  } catch {
    // Without a cause: its message would quote the token.
    return {}
  }
}
