import { poolTimings, type PoolTimings } from './budget.ts'
import type { CredentialsCache, Change } from './cache.ts'
import type { Timer } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { publish, report } from './diagnostics.ts'
import { RekeyError } from './errors.ts'
import {
  plan,
  planRenewals,
  type ConnectionState,
  type GenerationCounts,
  type OpenPurpose,
  type PlannedConnection,
  type World,
} from './generations.ts'
import { Logins } from './logins.ts'
import { count, duration, oneOf } from './options.ts'
import type {
  OpenOutcome,
  RenewingDriver,
  ReplacingDriver,
  RotationDriver,
  RotationOptions,
} from './rotation-driver.ts'
import {
  backoffDelay,
  loginBackoff,
  nextReplacement,
  refreshBackoff,
  replacementShift,
} from './schedule.ts'

interface Entry {
  generation: number | undefined
  phase: 'connecting' | 'open' | 'closing'
  timer: Timer | undefined
}

/** What every step looks at. */
type Known<Connection> = Pick<
  World<Connection>,
  'now' | 'connections' | 'target' | 'targetWorks' | 'candidate' | 'dueAt'
>

/** A dial of the rotation that is under way. */
interface Dial<Connection> {
  connection: Connection | undefined
  /** Whether it comes before its old connection has gone. */
  readonly isAhead: boolean
}

interface Generation {
  readonly number: number
  readonly version: string
  readonly since: Date
  supersededAt: number
}

/**
 * One pool's rotation: knows every connection from the moment it takes a slot until its socket is closed, asks
 * {@link plan} what to do whenever something happened, and has the driver do it.
 */
export class Rotation<Connection extends object> {
  readonly logins: Logins
  readonly timings: PoolTimings
  readonly #cache: CredentialsCache
  readonly #driver: RotationDriver<Connection>
  readonly #atOnce: number
  readonly #surge: number
  readonly #closeDeadline: number
  readonly #atDrainDeadline: 'report' | 'cancel' | 'destroy'
  readonly #connections = new Map<Connection, Entry>()
  #generations: Generation[] = []
  #lastGeneration = 0
  #target = 0
  #targetIsProven = false
  #urgent = false
  #lastAt = 0
  #spreadEnd = 0
  #owed = 0
  readonly #opening = new Set<Dial<Connection>>()
  /** Those that are logging in again in place. */
  readonly #renewing = new Set<Connection>()
  #credit = 0
  #openFailures = 0
  #notBefore = 0
  #take: { count: number; which: 'old' | 'any'; owes: boolean } = {
    count: 0,
    which: 'old',
    owes: false,
  }
  #timer: Timer | undefined
  #loadTimer: Timer | undefined
  /** One for each rotation that is not over: each has the whole deadline for what is older than it. */
  readonly #drainTimers = new Set<Timer>()
  #planning = false
  #again = false
  #waiters: (() => void)[] = []
  #closed = false
  readonly #unsubscribe: () => void

  constructor(
    cache: CredentialsCache,
    driver: RotationDriver<Connection>,
    options: RotationOptions = {},
  ) {
    this.timings = poolTimings(cache.timings, options)
    this.#atOnce = count('rotation.atOnce', options.atOnce ?? 1, 1)
    this.#surge = count('rotation.surge', options.surge ?? 0, 0)
    this.#closeDeadline = duration('rotation.closeDeadline', options.closeDeadline ?? 10_000)
    this.#atDrainDeadline = oneOf('rotation.atDrainDeadline', options.atDrainDeadline ?? 'report', [
      'report',
      'cancel',
      'destroy',
    ])
    this.#cache = cache
    this.#driver = driver
    const { maxRefusals } = options
    this.logins = new Logins(cache, {
      pool: driver.name,
      ...(maxRefusals !== undefined && {
        maxRefusals: count('rotation.maxRefusals', maxRefusals, 1),
      }),
      // Where nothing is open, no connection can go over: then a caller's login is the first with a new version.
      callersProve: 'renew' in driver,
      onProven: (credentials) => this.#proven(credentials),
      onUnproven: () => this.#replan(),
    })
    this.#unsubscribe = cache.subscribe((change) => this.#changed(change))
    if (cache.current !== undefined) this.#adopt(cache.current)
  }

  /** Slots in use at the server: connecting, idle, lent and closing. */
  get sessions(): number {
    return this.#connections.size
  }

  /** Whether a connection that is given back should be offered to {@link takes}. False but for the moments that need one. */
  get wantsOne(): boolean {
    return this.#take.count > 0
  }

  /** Connections per version, the oldest first. */
  get generations(): GenerationCounts[] {
    const states = this.#states()
    return this.#generations.map(({ number, version, since }) => {
      const counts = { connecting: 0, idle: 0, lent: 0, closing: 0 }
      for (const { generation, state } of states) if (generation === number) counts[state] += 1
      return { version, ...counts, since }
    })
  }

  /** A connection takes a slot: before its socket is opened. */
  dialling(connection: Connection): void {
    this.#connections.set(connection, {
      generation: undefined,
      phase: 'connecting',
      timer: undefined,
    })
  }

  /** It has read these credentials, and belongs to their generation whatever comes before it is ready. */
  tag(connection: Connection, { version }: Credentials): void {
    const entry = this.#connections.get(connection)
    if (entry === undefined) return
    const before = entry.generation
    entry.generation = this.#generationOf(version)?.number
    // After a refusal the same connection tries another version: it may have been the last of the one before.
    if (before !== undefined && before !== entry.generation) this.#replan()
  }

  /** A version that the cache never held came as the one before the newest: it is older than all that are known. */
  #generationOf(version: string): Generation | undefined {
    const known = this.#generations.findLast((generation) => generation.version === version)
    const { clock, current } = this.#cache
    if (known !== undefined || current?.previous?.version !== version) return known
    const number = (this.#generations[0]?.number ?? 1) - 1
    const before = { number, version, since: new Date(clock.wall()), supersededAt: clock.now() }
    this.#generations.unshift(before)
    return before
  }

  /** It is logged in and ready for work. */
  ready(connection: Connection): void {
    const entry = this.#connections.get(connection)
    if (entry !== undefined) entry.phase = 'open'
    this.givenBack()
  }

  /** Where connections go over in place: one that was held is free, and it may be its turn. */
  givenBack(): void {
    if ('renew' in this.#driver) this.#replan()
  }

  /** Takes in a connection that was opened before the rotation knew of it; it counts as older than any version. */
  found(connection: Connection): void {
    this.#connections.set(connection, { generation: 0, phase: 'open', timer: undefined })
    // It has to go over, also where nobody comes who asks for credentials.
    if (this.#connections.size === 1) this.#loadFirst(1)
  }

  /** It has begun to close; its slot is held until {@link closed}. */
  closing(connection: Connection): void {
    const entry = this.#connections.get(connection)
    if (entry === undefined || entry.phase === 'closing') return
    entry.phase = 'closing'
    entry.timer = this.#cache.clock.after(this.#closeDeadline, () =>
      this.#driver.destroy(connection),
    )
  }

  /** Its socket is closed: the slot is free. */
  closed(connection: Connection): void {
    const entry = this.#connections.get(connection)
    if (entry === undefined) return
    entry.timer?.cancel()
    this.#connections.delete(connection)
    // The slot of a dial of ours is free for others only when the driver has said how the dial went.
    const isOurs = [...this.#opening].some((dial) => dial.connection === connection)
    if (!isOurs) this.#replan()
  }

  /**
   * Asked when a holder gives a connection back, while {@link wantsOne}: true if it is to be closed now instead of
   * going to the next holder.
   */
  takes(connection: Connection): boolean {
    const entry = this.#connections.get(connection)
    if (entry === undefined || this.#take.count === 0) return false
    const isOld = entry.generation !== undefined && entry.generation < this.#target
    if (this.#take.which === 'old' && !isOld) return false
    this.#take.count -= 1
    if (this.#take.owes) this.#owed += 1
    else this.#credit -= 1
    this.#lastAt = this.#cache.clock.now()
    this.closing(connection)
    return true
  }

  /** Resolves once no connection is older than the newest version that the cache holds at this moment or later. */
  drained(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Opens and retires nothing any more. What is open stays the driver's; closing sockets are still watched. */
  close(): void {
    this.#closed = true
    this.#unsubscribe()
    this.#timer?.cancel()
    this.#loadTimer?.cancel()
    this.#cancelDrainTimers()
    this.#take.count = 0
    this.logins.close()
    for (const dial of this.#opening) this.#abandon(dial)
    this.#replan()
  }

  #loadFirst(attempt: number): void {
    if (this.#closed || this.#cache.current !== undefined) return
    this.#cache.get().catch((error: unknown) => {
      const isOver = error instanceof RekeyError && error.code === 'ERR_REKEY_CLOSED'
      if (isOver || this.#closed) return
      const wait = backoffDelay(attempt, refreshBackoff, this.#cache.random)
      this.#loadTimer = this.#cache.clock.after(wait, () => this.#loadFirst(attempt + 1))
    })
  }

  #changed({ credentials, urgent }: Change): void {
    this.#adopt(credentials)
    if (urgent) {
      this.#urgent = true
      this.#spreadEnd = Math.min(this.#spreadEnd, this.#cache.clock.now())
    }
    this.#replan()
  }

  #adopt(credentials: Credentials): void {
    const newest = this.#generations.at(-1)
    if (newest?.version === credentials.version) return
    if (newest !== undefined) newest.supersededAt = this.#cache.clock.now()
    const again = this.#generations.find(({ version }) => version === credentials.version)
    this.#lastGeneration += 1
    this.#generations = this.#generations.filter((generation) => generation !== again)
    this.#generations.push({
      number: this.#lastGeneration,
      version: credentials.version,
      since: new Date(this.#cache.clock.wall()),
      supersededAt: 0,
    })
    this.logins.adopt(credentials)
    if (again !== undefined) return this.#readopt(again.number)
    // Where nothing has ever logged in there is nothing to protect: the newest is what everybody uses.
    const nothingToProtect =
      !this.logins.haveWorked &&
      [...this.#connections.values()].every(({ phase }) => phase === 'connecting')
    if (!nothingToProtect) return
    this.#target = this.#lastGeneration
    this.#targetIsProven = false
  }

  /** The store has gone back to a version that is still in use: its connections are as good as new. */
  #readopt(number: number): void {
    for (const entry of this.#connections.values()) {
      if (entry.generation === number) entry.generation = this.#lastGeneration
    }
    if (this.logins.works(this.#generations.at(-1)?.version ?? '')) this.#aim(this.#lastGeneration)
  }

  #proven(credentials: Credentials): void {
    const generation = this.#generations.findLast(({ version }) => version === credentials.version)
    if (generation === undefined || this.#closed) return
    if (generation.number > this.#target || !this.#targetIsProven) this.#aim(generation.number)
    this.#replan()
  }

  /** From now on everything older is replaced. */
  #aim(target: number): void {
    const now = this.#cache.clock.now()
    this.#target = target
    this.#targetIsProven = true
    const spread = this.#urgent ? 0 : this.timings.spread
    const shift = replacementShift(spread, this.#olderThan(target), this.#cache.random)
    this.#lastAt = now - shift
    this.#spreadEnd = now - shift + spread
    const drainedIn = spread + this.timings.drainDeadline
    const timer = this.#cache.clock.after(drainedIn, () => {
      this.#drainTimers.delete(timer)
      this.#stalled(target)
    })
    this.#drainTimers.add(timer)
  }

  #olderThan(target: number): number {
    const isOld = ({ generation, phase }: Entry): boolean =>
      generation !== undefined && generation < target && phase !== 'closing'
    return [...this.#connections.values()].filter(isOld).length
  }

  /** Asks the plan and does what it says, until it has nothing more to say. */
  #replan(): void {
    this.#again = true
    if (this.#planning) return
    this.#planning = true
    while (this.#again) {
      this.#again = false
      this.#announceDrained()
      if (!this.#closed) this.#step()
    }
    this.#planning = false
    if (!this.#isSettled()) return
    this.#urgent = false
    this.#cancelDrainTimers()
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #step(): void {
    const now = this.#cache.clock.now()
    const states = this.#states()
    const old = states.filter(
      ({ generation, state }) =>
        generation !== undefined && generation < this.#target && state !== 'closing',
    ).length
    const target = this.#generations.find(({ number }) => number === this.#target)
    const needsProof = this.#lastGeneration > this.#target || old > 0
    const probeAt = needsProof ? this.logins.probeAt() : undefined
    const known = {
      now,
      connections: states,
      target: this.#target,
      targetWorks: target !== undefined && this.logins.works(target.version),
      candidate: probeAt === undefined ? undefined : { tryAt: Math.max(probeAt, this.#notBefore) },
      dueAt: Math.max(this.#notBefore, nextReplacement(this.#lastAt, this.#spreadEnd, old)),
    }
    if ('renew' in this.#driver) this.#renewSome(this.#driver, known)
    else this.#replaceSome(this.#driver, known, old)
  }

  #replaceSome(driver: ReplacingDriver<Connection>, known: Known<Connection>, old: number): void {
    const { now, connections } = known
    if (old === 0) this.#credit = 0
    const ceiling = driver.max + this.#surge
    // A caller may have taken the slot that was owed; then it is filled.
    const used = connections.filter(({ state }) => state !== 'closing').length
    const filled = Math.max(0, this.#owed - Math.max(0, ceiling - used))
    this.#owed -= filled
    this.#credit = Math.max(0, this.#credit - filled)
    const next = plan<Connection>({
      ...known,
      ceiling,
      owed: { slots: this.#owed, refillAt: this.#notBefore },
      opening: this.#opening.size,
      ahead: [...this.#opening].filter(({ isAhead }) => isAhead).length,
      credit: this.#credit,
      atOnce: this.#urgent ? Math.max(ceiling, this.#atOnce) : this.#atOnce,
    })
    this.#take = { ...next.take }
    this.#lookAgain(next.lookAgainAt)
    if (next.retire.length > 0) this.#lastAt = now
    this.#credit -= next.retire.length - next.owes
    this.#owed += next.owes
    for (const connection of next.retire) {
      this.closing(connection)
      driver.retire(connection)
    }
    for (const purpose of next.open) this.#open(driver, purpose, now)
  }

  #renewSome(driver: RenewingDriver<Connection>, known: Known<Connection>): void {
    const next = planRenewals<Connection>({
      ...known,
      connections: known.connections.filter(({ connection }) => !this.#renewing.has(connection)),
      renewing: this.#renewing.size,
      atOnce: this.#urgent ? Infinity : this.#atOnce,
    })
    this.#lookAgain(next.lookAgainAt)
    for (const connection of next.renew) {
      this.#lastAt = known.now
      this.#renewing.add(connection)
      driver.renew(connection, (outcome) => {
        if (!this.#renewing.delete(connection)) return
        if (outcome === 'opened') this.#openFailures = 0
        // One that was lost on the way says nothing of the others.
        if (outcome === 'failed' && this.#connections.has(connection)) this.#holdBack()
        this.#replan()
      })
    }
  }

  #lookAgain(at: number | undefined): void {
    const { clock } = this.#cache
    this.#timer?.cancel()
    this.#timer = at === undefined ? undefined : clock.after(at - clock.now(), () => this.#replan())
  }

  #open(driver: ReplacingDriver<Connection>, purpose: OpenPurpose, now: number): void {
    const owed = this.#owed > 0
    if (owed) this.#owed -= 1
    else this.#lastAt = now
    const dial: Dial<Connection> = { connection: undefined, isAhead: !owed }
    const done = (outcome: OpenOutcome): void => {
      if (!this.#opening.delete(dial)) return
      deadline.cancel()
      if (outcome === 'opened') {
        this.#openFailures = 0
        if (!owed) this.#credit += 1
      } else {
        if (owed) this.#owed += 1
        // A refused probe has its own backoff, and its slot goes back at once to what works.
        if (purpose === 'replacement' || outcome === 'failed') this.#holdBack()
      }
      this.#replan()
    }
    this.#opening.add(dial)
    const deadline = this.#cache.clock.after(this.#cache.timings.loginDeadline, () => {
      this.#abandon(dial)
      done('failed')
    })
    dial.connection = driver.open(purpose, done)
  }

  #abandon({ connection }: Dial<Connection>): void {
    if (connection === undefined) return
    this.closing(connection)
    this.#driver.destroy(connection)
  }

  #holdBack(): void {
    this.#openFailures += 1
    const wait = backoffDelay(this.#openFailures, loginBackoff, this.#cache.random)
    this.#notBefore = this.#cache.clock.now() + wait
  }

  #announceDrained(): void {
    const inUse = new Set([...this.#connections.values()].map(({ generation }) => generation))
    const isDrained = ({ number }: Generation): boolean =>
      number < this.#target && !inUse.has(number)
    const drained = this.#generations.filter(isDrained)
    if (drained.length === 0) return
    this.#generations = this.#generations.filter((generation) => !isDrained(generation))
    const now = this.#cache.clock.now()
    for (const { version, supersededAt } of drained) {
      if (!this.#generations.some((known) => known.version === version)) this.logins.forget(version)
      const message = { pool: this.#driver.name, version, after: now - supersededAt }
      publish('rekey:drained', message)
      this.#driver.drained?.(message)
    }
  }

  #isSettled(): boolean {
    if (this.#closed) return this.#connections.size === 0
    // What was found is older than a version that is yet to be loaded, too.
    const newest = Math.max(1, this.#lastGeneration)
    const older = [...this.#connections.values()].some(
      ({ generation }) => generation !== undefined && generation < newest,
    )
    return !older && this.#generations.length <= 1
  }

  #cancelDrainTimers(): void {
    for (const timer of this.#drainTimers) timer.cancel()
    this.#drainTimers.clear()
  }

  #stalled(target: number): void {
    const held = this.#states().filter(
      ({ generation, state }) =>
        generation !== undefined && generation < target && state !== 'connecting',
    )
    if (held.length === 0) return
    const described = held.map(({ connection, state }) => ({
      state,
      connection: this.#driver.describe(connection),
    }))
    report(
      'rekey:stalled',
      { pool: this.#driver.name, generations: this.generations, held: described },
      `${this.#driver.name}: ${held.length} connections with older credentials are still open after the drain ` +
        `deadline: ${JSON.stringify(described)}`,
    )
    for (const { connection, state } of held) {
      if (state !== 'lent') continue
      // Without it the server would go on with the statement, and with the session, after the client is gone.
      if (this.#atDrainDeadline !== 'report') this.#driver.cancel?.(connection)
      if (this.#atDrainDeadline === 'destroy') this.#driver.destroy(connection)
    }
  }

  #states(): PlannedConnection<Connection>[] {
    const idle = new Set(this.#driver.idle())
    const stateOf = (connection: Connection, { phase }: Entry): ConnectionState => {
      if (phase !== 'open') return phase
      return idle.has(connection) ? 'idle' : 'lent'
    }
    const states: PlannedConnection<Connection>[] = []
    for (const connection of idle) {
      const entry = this.#connections.get(connection)
      if (entry === undefined) continue
      states.push({ connection, generation: entry.generation, state: stateOf(connection, entry) })
    }
    for (const [connection, entry] of this.#connections) {
      if (idle.has(connection)) continue
      states.push({ connection, generation: entry.generation, state: stateOf(connection, entry) })
    }
    return states
  }
}
