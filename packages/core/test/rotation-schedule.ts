import { createCredentials, type CredentialsCache, type RotationOptions } from '../src/index.ts'
import { RotationInvariants } from './rotation-invariants.ts'
import { SimulatedPool, type Connection } from './simulated-pool.ts'
import { SimulatedServer, type Pair } from './simulated-server.ts'
import { SimulatedStore, type StoreMood, type VersionKind } from './simulated-store.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What stays the same throughout a schedule. */
export interface Setting {
  max: number
  surge: number
  atOnce: number
  /** Connections that are open before the rotation is attached. */
  found: number
  idleTimeout: number | undefined
  /** How long old credentials still log in; 0 where they stop at once. */
  overlap: number
  versions: VersionKind
  /** The one value of chance, 0 to 1: jitter and backoff are then known. */
  random: number
  revokeDrained: boolean
  /** What the store holds in the end where it is not good: corrected, or left as it is. */
  ending: 'corrected' | 'left'
  /** Whether the last rotation is urgent. */
  urgentEnding: boolean
}

/** One thing that happens. `which` counts round what there is. */
export type Operation =
  | { do: 'acquire'; callers: number; timeout: number | undefined }
  | { do: 'release'; which: number; error: boolean }
  | { do: 'release all' }
  | { do: 'wait'; for: number }
  /** The server knows the new pair at once, later (store ahead), or alone (store behind). */
  | { do: 'rotate'; order: 'together' | 'ahead' | 'behind'; gap: number; push: boolean }
  | { do: 'publish bad'; locked: boolean; push: boolean }
  | { do: 'go back'; push: boolean }
  | { do: 'push' }
  | { do: 'refresh'; urgent: boolean }
  | { do: 'revoke'; back: number }
  | { do: 'allow'; back: number }
  | { do: 'unreachable'; for: number }
  | { do: 'hang'; for: number }
  | { do: 'slow dials'; take: number; for: number }
  | { do: 'slow closes'; take: number; for: number }
  | { do: 'die'; which: number }
  | { do: 'all die' }
  | { do: 'store'; mood: StoreMood; for: number }
  | { do: 'await drained' }
  | { do: 'end' }

/** Runs a schedule and then lets everything come to rest. Resolves with what was violated. */
export async function runSchedule(
  setting: Setting,
  operations: readonly Operation[],
  log?: (line: string) => void,
): Promise<string[]> {
  const world = new World(setting, log)
  await world.run(operations)
  return world.invariants.violations
}

/** Longer than any backoff, and than anything that an operation puts off. */
const allPast = 65_000

class World {
  readonly clock = new VirtualClock()
  readonly server = new SimulatedServer(this.clock)
  readonly store: SimulatedStore
  readonly cache: CredentialsCache
  readonly pool: SimulatedPool
  readonly invariants: RotationInvariants
  readonly setting: Setting
  /** What callers have and have not given back. */
  readonly held: Connection[] = []
  /** Whether callers keep what they get until an operation releases it. */
  #holding = true
  #awaiting = 0
  #over: 'no' | 'ending' | 'ended' = 'no'

  constructor(setting: Setting, log: ((line: string) => void) | undefined) {
    this.setting = setting
    const { max, surge, atOnce, found, idleTimeout, overlap, random, revokeDrained } = setting
    this.store = new SimulatedStore(this.clock, setting.versions)
    this.store.publish(this.#newPair(true))
    this.cache = createCredentials(this.store.source, {
      overlap,
      clock: this.clock,
      random: () => random,
      ...(overlap <= 0 && { loginDeadline: 5_000, loadDeadline: 4_000 }),
    })
    const rules = { max, surge, atOnce, random, revokeDrained, log }
    this.invariants = new RotationInvariants(this.cache, this.server, rules)
    const rotation: RotationOptions = { surge, atOnce }
    const options = { max, idleTimeout, found: Math.min(found, max), rotation }
    this.pool = new SimulatedPool(this.cache, this.server, options, this.invariants)
    this.invariants.watch(this.pool)
  }

  async run(operations: readonly Operation[]): Promise<void> {
    const { violations } = this.invariants
    for (const operation of operations) {
      this.invariants.note(() => `-- ${JSON.stringify(operation)}`)
      await this.#do(operation)
      await this.#pass(0)
      if (violations.length > 0) return
    }
    for (const phase of [
      () => this.#heal(),
      () => this.#heldOnesStandAside(),
      () => this.#comesToRest(),
      () => this.#lendsEverything(),
      () => this.#keepsStill(),
      () => this.#rotatesOnceMore(),
      () => this.#ends(),
    ]) {
      await phase()
      if (violations.length > 0) return
    }
  }

  async #do(operation: Operation): Promise<void> {
    const { server, store, clock } = this
    switch (operation.do) {
      case 'acquire':
        for (let i = 0; i < operation.callers; i += 1) this.#acquire(operation.timeout)
        return
      case 'release':
        return this.#release(operation.which, operation.error)
      case 'release all':
        return this.#releaseAll()
      case 'wait':
        return this.#pass(operation.for)
      case 'rotate':
        return this.#rotate(operation)
      case 'publish bad':
        store.publish(this.#newPair(false, operation.locked))
        return operation.push ? store.push() : undefined
      case 'go back':
        // Where versions have an order, an old pair cannot be published again.
        if (this.setting.versions !== 'content') return
        store.publish(store.published.at(-2) ?? store.newest)
        this.#allow(store.newest)
        return operation.push ? store.push() : undefined
      case 'push':
        return store.push()
      case 'refresh':
        return void this.cache.refresh({ urgent: operation.urgent }).catch(() => {})
      case 'revoke':
        return server.allow(this.#back(operation.back), false)
      case 'allow':
        return this.#allow(this.#back(operation.back))
      case 'unreachable':
        server.reachable = false
        return void clock.after(operation.for, () => (server.reachable = true))
      case 'hang':
        server.hangs = true
        return void clock.after(operation.for, () => server.resume())
      case 'slow dials':
        server.dialTime = operation.take
        return void clock.after(operation.for, () => (server.dialTime = 4))
      case 'slow closes':
        server.closeTime = operation.take
        return void clock.after(operation.for, () => (server.closeTime = 2))
      case 'die':
        return this.#die(operation.which)
      case 'all die':
        while (server.sessions.size > 0) this.#die(0)
        return
      case 'store':
        store.mood = operation.mood
        return void clock.after(operation.for, () => (store.mood = 'well'))
      case 'await drained':
        return this.#awaitDrained()
      case 'end':
        return this.#end()
    }
  }

  // What was locked once is not tried again until something else is published.
  #allow(pair: Pair): void {
    if (!pair.locked) this.server.allow(pair, true)
  }

  #acquire(timeout: number | undefined): void {
    const caller = this.pool.acquire(timeout, (connection) => {
      this.held.push(connection)
      if (!this.#holding) this.clock.after(1, () => this.#giveBack(connection))
    })
    this.invariants.asked(caller)
  }

  #release(which: number, error: boolean | undefined): void {
    const connection = this.held[which % Math.max(1, this.held.length)]
    if (connection !== undefined) this.#giveBack(connection, error)
  }

  #giveBack(connection: Connection, error: boolean | undefined = false): void {
    const place = this.held.indexOf(connection)
    if (place < 0) return
    this.held.splice(place, 1)
    this.pool.release(connection, error ? new Error('the statement failed') : undefined)
  }

  #releaseAll(): void {
    for (const connection of [...this.held]) this.#giveBack(connection)
  }

  #rotate({ order, gap, push }: Operation & { do: 'rotate' }): void {
    const { server, store, clock } = this
    const before = store.newest
    const next = this.#newPair(order !== 'ahead')
    const publish = (): void => {
      store.publish(next)
      if (push) store.push()
    }
    if (order === 'behind') {
      server.allow(before, false)
      clock.after(gap, publish)
      return
    }
    if (order === 'ahead') clock.after(gap, () => server.allow(next, true))
    publish()
  }

  #die(which: number): void {
    const sessions = [...this.server.sessions]
    this.invariants.cutOff()
    sessions[which % Math.max(1, sessions.length)]?.die()
  }

  #awaitDrained(): void {
    this.#awaiting += 1
    this.pool.rotation.drained().then(
      () => {
        this.#awaiting -= 1
        if (this.pool.ending || this.invariants.isConverged(this.pool)) return
        this.invariants.violated('R10', 'drained() resolved with older connections open')
      },
      (error: unknown) => this.invariants.violated('R10', `drained() rejected: ${String(error)}`),
    )
  }

  #end(): void {
    if (this.#over !== 'no') return
    this.#over = 'ending'
    this.pool.end().then(
      () => {
        this.#over = 'ended'
        if (this.server.sessions.size === 0) return
        this.invariants.violated('R13', 'end() resolved before the last socket was closed')
      },
      (error: unknown) => this.invariants.violated('R13', `end() rejected: ${String(error)}`),
    )
  }

  async #heal(): Promise<void> {
    this.#restore()
    await this.#pass(allPast)
    this.#restore()
    if (this.#isLeft) {
      this.store.push()
      await this.#pass(10)
    }
    const usable = this.store.newest.valid || (this.#isLeft && this.invariants.targetWorks)
    if (!usable) {
      this.store.publish(this.#newPair(true))
      this.store.push()
    }
  }

  // A holder that keeps its connection for ever does not stop the others from changing.
  async #heldOnesStandAside(): Promise<void> {
    // What nobody has pushed is noticed after the TTL.
    await this.#pass(this.cache.timings.ttl + this.#spread + allPast)
    if (this.#over !== 'no' || this.#isLeft || this.invariants.adoptions.length === 0) return
    const newest = this.invariants.adoptions.length - 1
    const behind = this.pool.idle.filter((idle) => this.invariants.adoptionOf(idle) < newest)
    if (behind.length > 0) {
      this.invariants.violated(
        'R9',
        `${behind.length} idle connections are not of the newest version`,
      )
    }
  }

  async #comesToRest(): Promise<void> {
    this.#holding = false
    this.#releaseAll()
    await this.#pass(this.#spread + allPast)
    const { invariants } = this
    if (invariants.waiting.size > 0) {
      invariants.violated('R3', `${invariants.waiting.size} callers wait for ever`)
    }
    if (this.#over !== 'no') return
    if (!this.#isLeft) this.#hasConverged('with time')
    if (invariants.debt > 0) {
      invariants.violated('R5', `${invariants.debt} slots were emptied and never filled again`)
    }
  }

  async #lendsEverything(): Promise<void> {
    if (this.#over !== 'no') return
    this.#holding = true
    for (let i = 0; i < this.setting.max; i += 1) this.#acquire(undefined)
    await this.#pass(1_000)
    if (this.held.length < this.setting.max) {
      const lent = `${this.held.length} of ${this.setting.max}`
      this.invariants.violated('capacity', `the pool can lend no more than ${lent}`)
    }
    this.#releaseAll()
  }

  async #keepsStill(): Promise<void> {
    if (this.#over !== 'no') return
    await this.#pass(this.#spread + (this.setting.idleTimeout ?? 0) + 2_000)
    if (this.#isLeft) return
    const { opened, sessions } = this.server
    const open = sessions.size
    await this.#pass(120_000)
    if (this.server.opened !== opened || sessions.size !== open) {
      this.invariants.violated(
        'churn',
        'a settled pool without traffic opens or closes connections',
      )
    }
  }

  /** In good health, so that the time that it takes is known. */
  async #rotatesOnceMore(): Promise<void> {
    if (this.#over !== 'no' || this.#isLeft) return
    const { store, setting } = this
    store.publish(this.#newPair(true))
    const urgent = setting.urgentEnding
    if (urgent) void this.cache.refresh({ urgent }).catch(() => {})
    else store.push()
    await this.#pass(2)
    this.#awaitDrained()
    await this.#pass(urgent ? 50 * (setting.max + 1) : this.#spread + 500)
    this.#hasConverged(urgent ? 'at once, as it was urgent' : 'within the spread')
  }

  async #ends(): Promise<void> {
    const { invariants } = this
    this.#end()
    this.#holding = false
    this.#releaseAll()
    await this.#pass(allPast)
    if (this.#over !== 'ended') invariants.violated('R13', 'end() never resolved')
    await this.cache.close()
    await this.#pass(0)
    const left = {
      sessions: this.server.sessions.size,
      timers: this.clock.pending,
      callers: invariants.waiting.size,
      promises: this.#awaiting,
    }
    for (const [what, number] of Object.entries(left)) {
      if (number > 0) invariants.violated('R13', `${number} ${what} are left after end()`)
    }
  }

  #hasConverged(how: string): void {
    const { invariants, pool } = this
    if (!invariants.isConverged(pool)) {
      invariants.violated(
        'R9',
        `it has not converged ${how}: ${JSON.stringify(pool.rotation.generations)}`,
      )
    }
    if (this.#awaiting > 0) invariants.violated('R10', `drained() did not resolve ${how}`)
    const { adoptions, newest } = invariants
    for (const { version, drained } of adoptions) {
      if (drained || version === newest?.version) continue
      invariants.violated('R10', `${version} was never reported as drained`)
    }
  }

  /** Whether a bad version stays in the store: then nothing converges, and everything works. */
  get #isLeft(): boolean {
    return this.setting.ending === 'left' && !this.store.newest.valid
  }

  get #spread(): number {
    return this.pool.rotation.timings.spread
  }

  #restore(): void {
    const { server, store } = this
    Object.assign(server, { reachable: true, dialTime: 4, closeTime: 2 })
    server.resume()
    store.mood = 'well'
  }

  #back(back: number): Pair {
    const { published } = this.store
    return published[Math.max(0, published.length - 1 - back)] as Pair
  }

  #newPair(valid: boolean, locked = false): Pair {
    const { length } = this.server.pairs
    const user = length % 2 === 0 ? 'even' : 'odd'
    return this.server.add({ user, password: `password-${length}`, valid, locked })
  }

  async #pass(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds, () => this.invariants.check())
    this.invariants.check()
  }
}
