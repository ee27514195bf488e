import { sameLogin, type Credentials } from './credentials.ts'
import { publish } from './diagnostics.ts'
import { RekeyError } from './errors.ts'
import { versionOrder } from './version-order.ts'

/** What became of an answer of the store. */
export type Fate =
  /** It is in use now, and whoever has connections has to rotate. */
  | 'taken up'
  /** It is what was in use, perhaps with a later expiry or a renewed token: there is nothing to rotate. */
  | 'as it was'
  /** It is older than what is in use. */
  | 'ignored'

/** The snapshot in use, and what becomes of an answer beside it. */
export class InUse {
  readonly #source: string
  readonly #order = versionOrder()
  #current: Credentials | undefined
  #refused: string | undefined

  constructor(source: string) {
    this.#source = source
  }

  get current(): Credentials | undefined {
    return this.#current
  }

  /** The version that the server has refused, unless the store has been asked since. */
  get refused(): string | undefined {
    return this.#refused
  }

  /** The server has refused a login with this version. Says whether it is the one in use. */
  refuse(version: string): boolean {
    if (this.#current?.version !== version) return false
    this.#refused = version
    return true
  }

  /**
   * Takes an answer up unless it is what we have, or older. `refused`: what the server had refused before the store was
   * asked; `urgent`: whether what is taken up has to be everywhere soon.
   *
   * @throws {RekeyError} `ERR_REKEY_ANSWER` for other content under the version in use.
   */
  accept(answer: Credentials, refused: string | undefined, urgent: boolean): Fate {
    const current = this.#current
    const isRefused = current !== undefined && refused === current.version
    if (current?.version === answer.version) return this.#acceptSame(answer, current, isRefused)
    const isOlder = current !== undefined && this.#order.isOlder(answer, current)
    // Going back needs a reason: the server has refused what is current.
    if (isOlder && !isRefused) {
      const message = { source: this.#source, version: answer.version, serving: current.version }
      publish('rekey:stale-answer', message)
      return 'ignored'
    }
    // What we go back from is not left behind: the refusal may have been early, and a lagging replica has answered.
    if (current !== undefined && !isOlder) this.#order.superseded(current)
    this.#refused = undefined
    this.#current = answer
    publish('rekey:change', {
      source: this.#source,
      version: answer.version,
      previous: current?.version,
      urgent,
    })
    return 'taken up'
  }

  #acceptSame(answer: Credentials, current: Credentials, isRefused: boolean): Fate {
    // Asked anew, the store stands by it: from now on only another refusal is a reason to go back.
    if (isRefused) this.#refused = undefined
    const same = sameLogin(current, answer)
    // Who logs in next reads a renewed token anyway.
    const isRenewed = !same && answer.checkedAtLogin
    // One of the two is torn. Which one is not to be known, unless the server has refused ours.
    if (!same && !isRefused && !isRenewed) throw torn(this.#source, answer.version)
    // The same version with a later expiry is a renewed lease.
    if (!same || current.expiresAt !== answer.expiresAt) this.#current = answer
    return same || isRenewed ? 'as it was' : 'taken up'
  }
}

function torn(source: string, version: string): RekeyError {
  return new RekeyError(
    'ERR_REKEY_ANSWER',
    `The source ${source} answered with other content under the version ${version} that is in use: user and ` +
      'password may come from two different moments. The answer was not used.',
    { option: 'version', given: version, allowed: 'a new version for new content' },
  )
}
