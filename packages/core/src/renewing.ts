import { planRenewals } from './plan-renewals.ts'
import type { OpenOutcome, RenewingDriver } from './rotation-driver.ts'
import type { Shared, Situation, Stepper } from './stepper.ts'

/** Has open connections log in again in place: what {@link planRenewals} says, done by the driver. */
export class Renewing<Connection extends object> implements Stepper<Connection> {
  readonly wantsOne = false
  readonly #driver: RenewingDriver<Connection>
  readonly #shared: Shared<Connection>
  /** Those that are logging in again. */
  readonly #renewing = new Set<Connection>()

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
    const { pace, atOnce } = this.#shared
    const next = planRenewals<Connection>({
      ...situation,
      connections: situation.connections.filter(
        ({ connection }) => !this.#renewing.has(connection),
      ),
      renewing: this.#renewing.size,
      atOnce: pace.isUrgent ? Infinity : atOnce,
    })
    for (const connection of next.renew) {
      pace.moved()
      this.#renewing.add(connection)
      this.#driver.renew(connection, (outcome) => this.#done(connection, outcome))
    }
    return next.lookAgainAt
  }

  close(): void {}

  #done(connection: Connection, outcome: OpenOutcome): void {
    const { connections, pace, replan } = this.#shared
    if (!this.#renewing.delete(connection)) return
    if (outcome === 'opened') pace.succeeded()
    // One that was lost on the way says nothing of the others.
    if (outcome === 'failed' && connections.has(connection)) pace.failed()
    replan()
  }
}
