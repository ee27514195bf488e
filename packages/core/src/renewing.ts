import type { Timer } from './clock.ts'
import { planRenewals } from './plan-renewals.ts'
import type { OpenOutcome, RenewingDriver } from './rotation-driver.ts'
import type { Shared, Situation, Stepper } from './stepper.ts'

/** A login beside a held connection. */
interface Proof {
  giveUp: () => void
  readonly deadline: Timer
}

/** Has open connections log in again in place: what {@link planRenewals} says, done by the driver. */
export class Renewing<Connection extends object> implements Stepper<Connection> {
  readonly wantsOne = false
  readonly #driver: RenewingDriver<Connection>
  readonly #shared: Shared<Connection>
  /** Those that are logging in again, with the end of their time. Past it one that says nothing keeps nobody else from it. */
  readonly #renewing = new Map<Connection, Timer | undefined>()
  /** The login beside a held one that is under way. */
  #proof: Proof | undefined

  constructor(driver: RenewingDriver<Connection>, shared: Shared<Connection>) {
    this.#driver = driver
    this.#shared = shared
  }

  takes(): boolean {
    return false
  }

  isDialling(): boolean {
    return false
  }

  step(situation: Situation<Connection>): number | undefined {
    const connections = situation.connections.filter(
      ({ connection }) => !this.#renewing.has(connection),
    )
    // One that is free now may be held again when the login beside it is through.
    if (connections.some(({ state }) => state === 'idle')) this.#giveUpProof()
    const { pace, atOnce } = this.#shared
    const renewing = [...this.#renewing.values()].filter((deadline) => deadline !== undefined)
    const next = planRenewals<Connection>({
      ...situation,
      connections,
      renewing: renewing.length + (this.#proof === undefined ? 0 : 1),
      atOnce: pace.isUrgent ? Infinity : atOnce,
    })
    for (const connection of next.renew) {
      pace.moved()
      this.#renew(connection)
    }
    if (next.prove !== undefined) this.#prove(next.prove)
    return next.lookAgainAt
  }

  close(): void {
    this.#giveUpProof()
    for (const deadline of this.#renewing.values()) deadline?.cancel()
  }

  #renew(connection: Connection): void {
    const { cache, replan } = this.#shared
    const deadline = cache.clock.after(cache.timings.loginDeadline, () => {
      this.#renewing.set(connection, undefined)
      replan()
    })
    this.#renewing.set(connection, deadline)
    this.#driver.renew(connection, (outcome) => this.#done(connection, outcome))
  }

  #prove(connection: Connection): void {
    const { cache, connections, pace, replan } = this.#shared
    const done = (outcome: OpenOutcome): void => {
      if (this.#proof !== proof) return
      this.#proof = undefined
      proof.deadline.cancel()
      if (outcome === 'opened') pace.succeeded()
      if (outcome === 'failed' && connections.has(connection)) pace.failed()
      replan()
    }
    const deadline = cache.clock.after(cache.timings.loginDeadline, () => {
      proof.giveUp()
      done('failed')
    })
    const proof: Proof = { giveUp: () => {}, deadline }
    this.#proof = proof
    proof.giveUp = this.#driver.prove(connection, done)
  }

  #giveUpProof(): void {
    const proof = this.#proof
    this.#proof = undefined
    proof?.deadline.cancel()
    proof?.giveUp()
  }

  #done(connection: Connection, outcome: OpenOutcome): void {
    const { connections, pace, replan } = this.#shared
    if (!this.#renewing.has(connection)) return
    this.#renewing.get(connection)?.cancel()
    this.#renewing.delete(connection)
    if (outcome === 'opened') pace.succeeded()
    // One that was lost on the way says nothing of the others.
    if (outcome === 'failed' && connections.has(connection)) pace.failed()
    replan()
  }
}
