import { poolTimings, type PoolTimings } from './budget.ts'
import type { Change, CredentialsCache } from './cache.ts'
import type { Timer } from './clock.ts'
import { Connections } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { publish } from './diagnostics.ts'
import { DrainDeadline } from './drain-deadline.ts'
import { RekeyError } from './errors.ts'
import { Generations, type Generation, type GenerationCounts } from './generations.ts'
import { Logins } from './logins.ts'
import { count, duration, oneOf } from './options.ts'
import { Pace } from './pace.ts'
import type { PlannedConnection } from './plan.ts'
import { Renewing } from './renewing.ts'
import { Replacing } from './replacing.ts'
import type { RotationDriver, RotationOptions } from './rotation-driver.ts'
import { backoffDelay, refreshBackoff } from './schedule.ts'
import type { Stepper } from './stepper.ts'

/**
 * One pool's rotation: knows every connection from the moment it takes a slot until its socket is closed, asks
 * {@link Replacing} or {@link Renewing} for the next step whenever something happened, and says when a version is drained.
 */
export class Rotation<Connection extends object> {
  readonly logins: Logins
  readonly timings: PoolTimings
  readonly #cache: CredentialsCache
  readonly #driver: RotationDriver<Connection>
  readonly #renews: boolean
  readonly #connections: Connections<Connection>
  readonly #generations: Generations
  readonly #pace: Pace
  readonly #stepper: Stepper<Connection>
  readonly #drainDeadline: DrainDeadline<Connection>
  #unsubscribe: () => void = () => {}
  #target = 0
  #targetIsProven = false
  #timer: Timer | undefined
  #loadTimer: Timer | undefined
  #planning = false
  #again = false
  #waiters: (() => void)[] = []
  #closed = false

  constructor(
    cache: CredentialsCache,
    driver: RotationDriver<Connection>,
    options: RotationOptions = {},
  ) {
    this.timings = poolTimings(cache.timings, options)
    const atOnce = count('rotation.atOnce', options.atOnce ?? 1, 1)
    const surge = count('rotation.surge', options.surge ?? 0, 0)
    const closeDeadline = duration('rotation.closeDeadline', options.closeDeadline ?? 10_000)
    const atDrainDeadline = oneOf('rotation.atDrainDeadline', options.atDrainDeadline ?? 'report', [
      'report',
      'cancel',
      'destroy',
    ])
    const { clock, random } = cache
    this.#cache = cache
    this.#driver = driver
    this.#connections = new Connections(clock, closeDeadline, (connection) =>
      driver.destroy(connection),
    )
    this.#generations = new Generations(clock)
    this.#pace = new Pace(clock, random)
    const shared = {
      cache,
      connections: this.#connections,
      pace: this.#pace,
      atOnce,
      replan: () => this.#replan(),
    }
    this.#renews = 'renew' in driver
    this.#stepper =
      'renew' in driver ? new Renewing(driver, shared) : new Replacing(driver, shared, { surge })
    this.#drainDeadline = new DrainDeadline(clock, driver, atDrainDeadline, () => ({
      generations: this.generations,
      states: this.#states(),
      target: this.#target,
      newestIsUntried: this.logins.probeAt() === 0,
    }))
    this.logins = new Logins(cache, {
      pool: driver.name,
      maxRefusals: options.maxRefusals,
      // Where nothing is open, no connection can go over: then a caller's login is the first with a new version.
      callersProve: this.#renews,
      onProven: (credentials) => this.#proven(credentials),
      onUnproven: () => this.#replan(),
    })
    this.#begin()
  }

  /** Slots in use at the server: connecting, idle, lent and closing. */
  get sessions(): number {
    return this.#connections.size
  }

  /** Whether a connection that is given back should be offered to {@link takes}. False but for the moments that need one. */
  get wantsOne(): boolean {
    return this.#stepper.wantsOne
  }

  /** Connections per version, the oldest first. */
  get generations(): GenerationCounts[] {
    const states = this.#states()
    return [...this.#generations].map(({ number, version, since }) => {
      const counts = { connecting: 0, idle: 0, lent: 0, closing: 0 }
      for (const { generation, state } of states) if (generation === number) counts[state] += 1
      return { version, ...counts, since }
    })
  }

  /** A connection takes a slot: before its socket is opened. */
  dialling(connection: Connection): void {
    this.#connections.add(connection, 'connecting')
  }

  /** It has read these credentials, and belongs to their generation whatever comes before it is ready. */
  tag(connection: Connection, { version }: Credentials): void {
    if (!this.#connections.has(connection)) return
    const before = this.#connections.generationOf(connection)
    const now = this.#generationOf(version)?.number
    this.#connections.tag(connection, now)
    // After a refusal the same connection tries another version: it may have been the last of the one before.
    if (before !== undefined && before !== now) this.#replan()
  }

  /** It is logged in and ready for work. */
  ready(connection: Connection): void {
    this.#connections.opened(connection)
    this.givenBack()
  }

  /** Where connections go over in place: one that was held is free, and it may be its turn. */
  givenBack(): void {
    if (this.#renews) this.#replan()
  }

  /** Takes in a connection that was opened before the rotation knew of it; it counts as older than any version. */
  found(connection: Connection): void {
    this.#connections.add(connection, 'open', 0)
    // It has to go over, also where nobody comes who asks for credentials.
    if (this.#connections.size === 1) this.#loadFirst(1)
  }

  /** It has begun to close; its slot is held until {@link closed}. */
  closing(connection: Connection): void {
    this.#connections.closing(connection)
  }

  /** Its socket is closed: the slot is free. */
  closed(connection: Connection): void {
    // The slot of a dial of ours is free for others only when the driver has said how the dial went.
    if (this.#connections.closed(connection) && !this.#stepper.isDialling(connection)) {
      this.#replan()
    }
  }

  /**
   * Asked when a holder gives a connection back, while {@link wantsOne}: true if it is to be closed now instead of
   * going to the next holder.
   */
  takes(connection: Connection): boolean {
    return this.#stepper.takes(connection, this.#target)
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
    this.#drainDeadline.cancel()
    this.logins.close()
    this.#stepper.close()
    this.#replan()
  }

  /** Goes on after {@link close}, with all that is known of the versions. */
  reopen(): void {
    this.#closed = false
    this.logins.reopen()
    this.#begin()
  }

  #begin(): void {
    const { current } = this.#cache
    this.#unsubscribe = this.#cache.subscribe((change) => this.#changed(change))
    if (current !== undefined) this.#adopt(current)
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

  /** A version that the cache never held came as the one before the newest: it is older than all that are known. */
  #generationOf(version: string): Generation | undefined {
    const known = this.#generations.of(version)
    if (known !== undefined || this.#cache.current?.previous?.version !== version) return known
    return this.#generations.addOldest(version)
  }

  #changed({ credentials, urgent, pushed }: Change): void {
    // As many as there may be when the version is proven.
    const { size } = this.#connections
    const most = 'max' in this.#driver ? Math.max(size, this.#driver.max) : size
    this.#pace.versionCame(pushed && !urgent, this.timings.spread, most)
    this.#adopt(credentials)
    if (urgent) this.#pace.hurry()
    this.#replan()
  }

  #adopt(credentials: Credentials): void {
    const { version } = credentials
    if (this.#generations.newestVersion === version) return
    const again = this.#generations.add(version)
    const { newest } = this.#generations
    this.logins.adopt(credentials)
    if (again !== undefined) {
      // The store has gone back to a version that is still in use: its connections are as good as new.
      this.#connections.move(again.number, newest)
      if (this.logins.works(version)) this.#aim(newest)
      return
    }
    // Where nothing has ever logged in there is nothing to protect: the newest is what everybody uses.
    if (this.logins.haveWorked || !this.#connections.areAllConnecting) {
      // Where everything is held for ever no login can prove it, which has to be said in the end.
      this.#drainDeadline.begin(newest, this.timings.spread + this.timings.drainDeadline)
      return
    }
    this.#target = newest
    this.#targetIsProven = false
  }

  #proven({ version }: Credentials): void {
    const generation = this.#generations.of(version)
    if (generation === undefined || this.#closed) return
    if (generation.number > this.#target || !this.#targetIsProven) this.#aim(generation.number)
    this.#replan()
  }

  /** From now on everything older goes over. */
  #aim(target: number): void {
    this.#target = target
    this.#targetIsProven = true
    const spread = this.#pace.isUrgent ? 0 : this.timings.spread
    const left = this.#pace.begin(spread, this.#countOld(this.#states()))
    this.#drainDeadline.begin(target, left + this.timings.drainDeadline)
  }

  /** Asks for the next step and takes it, until there is none. */
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
    this.#pace.end()
    this.#drainDeadline.cancel()
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #step(): void {
    const { clock } = this.#cache
    const connections = this.#states()
    const old = this.#countOld(connections)
    const target = this.#generations.numbered(this.#target)
    const needsProof = this.#generations.newest > this.#target || old > 0
    const probeAt = needsProof ? this.logins.probeAt() : undefined
    const targetWorks = target !== undefined && this.logins.works(target.version)
    // Who has nothing else that works does not wait for a turn.
    const turnAt = targetWorks ? this.#pace.turnAt : 0
    const notBefore = Math.max(this.#pace.notBefore, turnAt)
    const lookAgainAt = this.#stepper.step({
      now: clock.now(),
      connections,
      old,
      target: this.#target,
      targetWorks,
      candidate: probeAt === undefined ? undefined : { tryAt: Math.max(probeAt, notBefore) },
      dueAt: this.#pace.dueAt(old),
    })
    this.#timer?.cancel()
    // The step itself may have closed the pool.
    if (lookAgainAt === undefined || this.#closed) return
    this.#timer = clock.after(lookAgainAt - clock.now(), () => this.#replan())
  }

  #countOld(connections: readonly PlannedConnection<Connection>[]): number {
    return connections.filter(
      ({ generation, state }) =>
        generation !== undefined && generation < this.#target && state !== 'closing',
    ).length
  }

  #announceDrained(): void {
    const inUse = this.#connections.generations
    const now = this.#cache.clock.now()
    const drained = this.#generations.removeDrained(this.#target, inUse)
    for (const { version, supersededAt } of drained) {
      if (this.#generations.of(version) === undefined) this.logins.forget(version)
      const message = { pool: this.#driver.name, version, after: now - supersededAt }
      publish('rekey:drained', message)
      this.#driver.drained?.(message)
    }
  }

  #isSettled(): boolean {
    if (this.#closed) return this.#connections.size === 0
    // What was found is older than a version that is yet to be loaded, too.
    const newest = Math.max(1, this.#generations.newest)
    return this.#connections.noneOlderThan(newest) && this.#generations.size <= 1
  }

  #states(): PlannedConnection<Connection>[] {
    return this.#connections.states(this.#driver.idle())
  }
}
