import type { Credentials } from './credentials.ts'
import type { Login } from './login.ts'
import { backoffDelay, proofLasts, type Backoff, type Random } from './schedule.ts'

/** A login that shows whether a version works, while others wait for it. */
interface Trial {
  since: number
  by: Login
}

export type Standing =
  | { is: 'unproven' }
  | ({ is: 'proving' } & Trial)
  /** The last login that was accepted, and one that is to show it again. */
  | { is: 'proven'; at: number; again?: Trial }
  | { is: 'refused'; retryAt: number; error: unknown }

/** How a version is tried: the same for all of a pool. */
export interface Limits {
  /** Milliseconds after which a login that hangs no longer keeps others from trying: the login deadline. */
  readonly lapsesAfter: number
  readonly backoff: Backoff
  /** `Infinity` for no limit. */
  readonly maxRefusals: number
  readonly random: Random
}

/** One version, and what the server has said of it so far. Times are monotonic, in milliseconds. */
export class TriedVersion {
  credentials: Credentials
  standing: Standing = { is: 'unproven' }
  hasWorked = false
  readonly #limits: Limits
  /** Backoff steps since it has worked, and the logins that were refused in them. */
  #steps = 0
  #refusals = 0
  /** When each login began that the server has not judged yet, the first one first. */
  readonly #underWay = new Map<Login, number>()

  constructor(credentials: Credentials, limits: Limits) {
    this.credentials = credentials
    this.#limits = limits
  }

  /** Backoff steps since it has worked. */
  get steps(): number {
    return this.#steps
  }

  /** Whether something is still to come of a login, or of its refusal. */
  isPending(now: number): boolean {
    if (this.standing.is === 'proving') return true
    return this.standing.is === 'refused' && this.standing.retryAt > now
  }

  /** When it may be probed, 0 for at once; `undefined` where it needs no proof, or cannot get one. */
  get probeAt(): number | undefined {
    const { standing } = this
    if (standing.is === 'proven') return undefined
    if (standing.is === 'unproven') return 0
    const at = standing.is === 'refused' ? standing.retryAt : this.#lapsesAt(standing.since)
    return at < Infinity ? at : undefined
  }

  /** When the next login may try it. */
  get turnAt(): number {
    return Math.max(this.#standingAt(), this.#roomAt())
  }

  begin(login: Login, now: number): void {
    const { standing } = this
    this.#underWay.set(login, now)
    const trial = { since: now, by: login }
    if (standing.is !== 'proven') this.standing = { is: 'proving', ...trial }
    else if (now >= standing.at + proofLasts) this.standing = { ...standing, again: trial }
  }

  /** Says whether it was not known to work. */
  accepted(login: Login, now: number): boolean {
    this.#underWay.delete(login)
    const isNews = this.standing.is !== 'proven'
    this.standing = { is: 'proven', at: now }
    if (!isNews) return false
    this.#steps = 0
    this.#refusals = 0
    return true
  }

  /** Milliseconds until it is tried again; `undefined` for a refusal in a step that has begun. */
  refused(login: Login, now: number, error: unknown, isLocked: boolean): number | undefined {
    const { backoff, maxRefusals, random } = this.#limits
    this.#underWay.delete(login)
    this.#refusals += 1
    const isOver = isLocked || this.#refusals >= maxRefusals
    // Logins that were already under way when the first one was refused belong to the same step.
    const retryAt = this.standing.is === 'refused' ? this.standing.retryAt : 0
    if (isOver ? retryAt === Infinity : retryAt > now) return undefined
    this.#steps += 1
    const retryIn = isOver ? Infinity : backoffDelay(this.#steps, backoff, random)
    this.standing = { is: 'refused', retryAt: now + retryIn, error }
    return retryIn
  }

  /** The server never judged it: the next login may try it at once. Says whether this one was to prove it. */
  failed(login: Login): boolean {
    const { standing } = this
    this.#underWay.delete(login)
    if (standing.is === 'proven' && standing.again?.by === login) {
      this.standing = { is: 'proven', at: standing.at }
    } else if (standing.is === 'proving' && standing.by === login) {
      this.standing = { is: 'unproven' }
      return true
    }
    return false
  }

  #standingAt(): number {
    const { standing } = this
    if (standing.is === 'refused') return standing.retryAt
    if (standing.is === 'proving') return this.#lapsesAt(standing.since)
    if (standing.is === 'unproven' || standing.again === undefined) return 0
    return standing.again.since + proofLasts
  }

  /** When one more login may be under way, so that no more than `maxRefusals` of them can be refused. */
  #roomAt(): number {
    const tooMany = this.#underWay.size - (this.#limits.maxRefusals - this.#refusals)
    const since = tooMany < 0 ? undefined : [...this.#underWay.values()][tooMany]
    return since === undefined ? 0 : this.#lapsesAt(since)
  }

  #lapsesAt(since: number): number {
    return since + this.#limits.lapsesAfter
  }
}
