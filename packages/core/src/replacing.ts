import { plan, type OpenPurpose } from './plan.ts'
import type { OpenOutcome, ReplacingDriver } from './rotation-driver.ts'
import type { Shared, Situation, Stepper } from './stepper.ts'

/** A dial of the rotation that is under way. */
interface Dial<Connection> {
  connection: Connection | undefined
  /** Whether it comes before its old connection has gone. */
  readonly isAhead: boolean
}

/** Opens connections of the new generation in the place of old ones: what {@link plan} says, done by the driver. */
export class Replacing<Connection extends object> implements Stepper<Connection> {
  readonly #driver: ReplacingDriver<Connection>
  readonly #shared: Shared<Connection>
  readonly #surge: number
  readonly #dials = new Set<Dial<Connection>>()
  /** Slots that were emptied and have to be filled again. */
  #owed = 0
  /** Replacements that are there before their old connection has gone. */
  #credit = 0
  #take: { count: number; which: 'old' | 'any'; owes: boolean } = {
    count: 0,
    which: 'old',
    owes: false,
  }

  constructor(
    driver: ReplacingDriver<Connection>,
    shared: Shared<Connection>,
    { surge }: { surge: number },
  ) {
    this.#driver = driver
    this.#shared = shared
    this.#surge = surge
  }

  get wantsOne(): boolean {
    return this.#take.count > 0
  }

  takes(connection: Connection, target: number): boolean {
    const { connections, pace } = this.#shared
    if (!connections.has(connection) || this.#take.count === 0) return false
    const generation = connections.generationOf(connection)
    const isOld = generation !== undefined && generation < target
    if (this.#take.which === 'old' && !isOld) return false
    this.#take.count -= 1
    if (this.#take.owes) this.#owed += 1
    else this.#credit -= 1
    pace.moved()
    connections.closing(connection)
    return true
  }

  isDialling(connection: Connection): boolean {
    return [...this.#dials].some((dial) => dial.connection === connection)
  }

  step(situation: Situation<Connection>): number | undefined {
    const { connections, pace, atOnce } = this.#shared
    if (situation.old === 0) this.#credit = 0
    const ceiling = this.#driver.max + this.#surge
    // A caller may have taken the slot that was owed; then it is filled.
    const used = situation.connections.filter(({ state }) => state !== 'closing').length
    const filled = Math.max(0, this.#owed - Math.max(0, ceiling - used))
    this.#owed -= filled
    this.#credit = Math.max(0, this.#credit - filled)
    const next = plan<Connection>({
      ...situation,
      ceiling,
      owed: { slots: this.#owed, refillAt: pace.notBefore },
      opening: this.#dials.size,
      ahead: [...this.#dials].filter(({ isAhead }) => isAhead).length,
      credit: this.#credit,
      atOnce: pace.isUrgent ? Math.max(ceiling, atOnce) : atOnce,
    })
    this.#take = { ...next.take }
    if (next.retire.length > 0) pace.moved()
    this.#credit -= next.retire.length - next.owes
    this.#owed += next.owes
    for (const connection of next.retire) {
      connections.closing(connection)
      this.#driver.retire(connection)
    }
    for (const purpose of next.open) this.#open(purpose)
    return next.lookAgainAt
  }

  close(): void {
    this.#take.count = 0
    for (const dial of this.#dials) this.#abandon(dial)
  }

  #open(purpose: OpenPurpose): void {
    const { cache, pace, replan } = this.#shared
    const owed = this.#owed > 0
    if (owed) this.#owed -= 1
    else pace.moved()
    const dial: Dial<Connection> = { connection: undefined, isAhead: !owed }
    const done = (outcome: OpenOutcome): void => {
      if (!this.#dials.delete(dial)) return
      deadline.cancel()
      if (outcome === 'opened') {
        pace.succeeded()
        if (!owed) this.#credit += 1
      } else {
        if (owed) this.#owed += 1
        // A refused probe has its own backoff, and its slot goes back at once to what works.
        if (purpose === 'replacement' || outcome === 'failed') pace.failed()
      }
      replan()
    }
    this.#dials.add(dial)
    const deadline = cache.clock.after(cache.timings.loginDeadline, () => {
      this.#abandon(dial)
      done('failed')
    })
    dial.connection = this.#driver.open(purpose, done)
  }

  #abandon({ connection }: Dial<Connection>): void {
    if (connection === undefined) return
    this.#shared.connections.closing(connection)
    this.#driver.destroy(connection)
  }
}
