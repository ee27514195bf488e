import {
  RekeyError,
  type CredentialsCache,
  type DrainedMessage,
  type OpenOutcome,
} from '../src/index.ts'
import { backoffDelay, loginBackoff, proofLasts } from '../src/schedule.ts'
import {
  LoginRefused,
  TimedOut,
  Unreachable,
  type Caller,
  type Connection,
  type PoolObserver,
  type SimulatedPool,
} from './simulated-pool.ts'
import type { Answer, Pair, SimulatedServer } from './simulated-server.ts'

/** A version that the cache took up. With content hashes the same version may come again. */
interface Adoption {
  readonly version: string
  proven: boolean
  drained: boolean
}

/** What the server told the pool about one version. */
interface Verdict {
  readonly pair: Pair
  knownSince: number
  last: 'none' | 'accepted' | 'refused' | 'locked'
  hasWorked: boolean
  refusals: number
  /** Before this a version that was refused must be left alone. */
  retryAt: number
  readonly inFlight: Map<Connection, number>
  acceptedAt: number
  /** The login that shows that a version still works which was not used for a while. */
  again: { by: Connection; since: number } | undefined
}

/** The rotation's part in a connection. */
interface Part {
  adoption: number
  closedFor: 'candidate' | 'replacement' | undefined
  /** A dial of the rotation that it has given up; it closes whatever it was at. */
  abandoned: boolean
}

export interface Rules {
  readonly max: number
  readonly surge: number
  readonly atOnce: number
  /** The one value that chance has in this schedule. */
  readonly random: number
  /** Whether the operator revokes what is reported as drained. */
  readonly revokeDrained: boolean
  readonly log: ((line: string) => void) | undefined
}

/** A healthy pool serves a caller within this many milliseconds, whatever the rotation does. */
const prompt = 200

/** Holds the pool against R1 to R12, from outside: by what the server and the callers see. */
export class RotationInvariants implements PoolObserver {
  readonly violations: string[] = []
  readonly adoptions: Adoption[] = []
  readonly waiting = new Set<Caller>()
  /** How many connections the pool would have without the rotation. */
  #expected = 0
  #usable = new Set<Connection>()
  urgent = false
  readonly #cache: CredentialsCache
  readonly #server: SimulatedServer
  readonly #rules: Rules
  readonly #verdicts = new Map<string, Verdict>()
  readonly #parts = new WeakMap<Connection, Part>()
  readonly #dials = new Set<Connection>()
  #pool: SimulatedPool | undefined
  #target = -1
  #pace = { since: 0, replaced: 0, old: 0, ahead: 0 }
  #trouble = true
  #troubleAt = 0
  #lastDial: OpenOutcome = 'opened'
  #unreachableAt = -Infinity
  #badServerAt = -Infinity
  #serverIsBad = false
  #hasChanged = true

  constructor(cache: CredentialsCache, server: SimulatedServer, rules: Rules) {
    this.#cache = cache
    this.#server = server
    this.#rules = rules
    cache.subscribe(({ credentials: { version }, urgent }) => {
      if (urgent) this.urgent = true
      if (this.newest?.version !== version) this.#adopt(version)
    })
  }

  watch(pool: SimulatedPool): void {
    this.#pool = pool
  }

  get newest(): Adoption | undefined {
    return this.adoptions.at(-1)
  }

  /** The version that a connection is of, by its place in the order of adoption; -1 where it was found. */
  adoptionOf(connection: Connection): number {
    return this.#part(connection).adoption
  }

  /** The schedule cuts off a connection: its caller hears that the server could not be reached. */
  cutOff(): void {
    this.#unreachableAt = this.#server.clock.now()
    this.#troubleAt = this.#unreachableAt
  }

  /** Whether a known version works at the server and may be tried. */
  get #someoneGetsIn(): boolean {
    const now = this.#server.clock.now()
    return this.#known().some(({ pair, last, retryAt }) => {
      return pair.valid && last !== 'locked' && (last !== 'refused' || now >= retryAt)
    })
  }

  /** Whether the newest version that was ever proven works at the server. */
  get targetWorks(): boolean {
    const target = this.adoptions[this.#target]
    return target !== undefined && this.#verdicts.get(target.version)?.pair.valid === true
  }

  violated(rule: string, what: string): void {
    const line = `${rule}: ${what} (at ${this.#server.clock.now()})`
    this.violations.push(line)
    this.note(() => `VIOLATION ${line}`)
  }

  note(line: () => string): void {
    this.#hasChanged = true
    this.#rules.log?.(`${String(this.#server.clock.now()).padStart(9)}  ${line()}`)
  }

  // What the pool does.

  dialled(connection: Connection): void {
    this.#countUsable()
    const { session, credentials } = connection
    const version = credentials?.version ?? ''
    const pair = session?.pair
    this.note(() => `#${connection.number} (${connection.openedFor}) logs in with ${version}`)
    if (pair === undefined) {
      return this.violated('R1', `a login with a torn pair: ${credentials?.user} of ${version}`)
    }
    const sessions = this.#server.sessions.size
    const ceiling = this.#rules.max + this.#rules.surge
    if (sessions > ceiling) this.violated('R4', `${sessions} sessions of ${ceiling}`)

    const adoption = this.adoptions.findLastIndex((known) => known.version === version)
    if (adoption < 0) this.violated('R12', `a login with ${version}, which nobody adopted`)
    else if (this.adoptions[adoption]?.drained === true) {
      this.violated('R10', `a login with ${version}, which was reported as drained`)
    }
    this.#part(connection).adoption = adoption
    this.#mayLogIn(connection, this.#verdict(version, pair))
  }

  answered(connection: Connection, answer: Answer): void {
    const version = connection.credentials?.version ?? ''
    const verdict = this.#verdict(version, connection.session?.pair as Pair)
    this.note(() => `#${connection.number} ${version} ${answer}`)
    verdict.inFlight.delete(connection)
    const now = this.#server.clock.now()
    if (answer === 'accepted') this.#accepted(version, verdict)
    if (answer === 'locked') verdict.last = 'locked'
    if (answer !== 'refused' || verdict.last === 'locked') return
    // Those that were under way when the first was refused belong to the same step.
    if (verdict.last === 'refused' && now < verdict.retryAt) return
    verdict.last = 'refused'
    verdict.refusals += 1
    verdict.retryAt = now + backoffDelay(verdict.refusals, loginBackoff, () => this.#rules.random)
  }

  opening(connection: Connection): void {
    this.note(() => `#${connection.number} is opened as a ${connection.openedFor}`)
    this.#dials.add(connection)
    const most = this.urgent ? this.#rules.max + this.#rules.surge : this.#rules.atOnce
    if (this.#dials.size > most) {
      this.violated('R9', `${this.#dials.size} dials of the rotation at once, ${most} allowed`)
    }
  }

  opened(connection: Connection, outcome: OpenOutcome): void {
    this.note(() => `#${connection.number} ${outcome}`)
    this.#dials.delete(connection)
    this.#lastDial = outcome
  }

  retiring(connection: Connection, how: 'retire' | 'take'): void {
    const part = this.#part(connection)
    this.note(() => `#${connection.number} leaves (${how})`)
    const isIdle = this.#pool?.idle.includes(connection) === true
    if (how === 'retire' && !isIdle) {
      this.violated('R2', `#${connection.number} was closed while somebody held it`)
    }
    const isReplaced = this.adoptions.some(({ proven }, index) => proven && index > part.adoption)
    const objection = this.#objectionToCandidate()
    part.closedFor = objection === undefined ? 'candidate' : 'replacement'
    if (objection === undefined) return
    if (isReplaced) this.#keepsPace()
    else this.violated('R5', `#${connection.number} was retired, but ${objection}`)
  }

  destroying(connection: Connection): void {
    this.note(() => `#${connection.number} is destroyed`)
    this.#part(connection).abandoned = true
    if (connection.holder !== undefined) {
      this.violated('R2', `#${connection.number} was destroyed while somebody held it`)
    }
    if (connection.openedFor === 'caller' && connection.phase !== 'closing') {
      this.violated('R2', `the rotation destroyed #${connection.number}, which a caller opened`)
    }
  }

  closed(connection: Connection): void {
    this.note(() => `#${connection.number} is closed`)
    this.#countUsable()
    const version = connection.credentials?.version
    if (version !== undefined) this.#verdicts.get(version)?.inFlight.delete(connection)
  }

  drained({ version }: DrainedMessage): void {
    this.note(() => `${version} is drained`)
    const adoption = this.adoptions.find((known) => known.version === version && !known.drained)
    if (adoption === undefined) return this.violated('R10', `${version} drained once too often`)
    adoption.drained = true
    if (this.newest?.version === version && this.#pool?.ending !== true) {
      return this.violated('R10', `${version} was reported as drained, and is the newest`)
    }
    const pair = this.#verdicts.get(version)?.pair
    if (pair === undefined) return
    for (const session of this.#server.sessions) {
      if (session.pair !== pair || this.#isFound(session)) continue
      this.violated('R10', `${version} was reported as drained with a session ${session.state}`)
    }
    if (this.#rules.revokeDrained) this.#server.allow(pair, false)
  }

  asked(caller: Caller): void {
    if (caller.state === 'waiting') this.waiting.add(caller)
  }

  settled(caller: Caller): void {
    this.waiting.delete(caller)
    const why = caller.error instanceof Error ? caller.error.message : ''
    this.note(() => `caller ${caller.number} ${caller.state} ${why}`)
    const ahead = [...this.waiting].find((other) => other.queued && other.number < caller.number)
    if (caller.state === 'served' && caller.queued && ahead !== undefined) {
      this.violated('R3', `caller ${caller.number} was served before caller ${ahead.number}`)
    }
    if (caller.state === 'failed') this.#mayFail(caller)
  }

  /** After every step. */
  check(): void {
    const pool = this.#pool
    if (pool === undefined) return
    const now = this.#server.clock.now()
    const sessions = this.#server.sessions.size
    const ceiling = this.#rules.max + this.#rules.surge
    if (sessions > ceiling) this.violated('R4', `${sessions} sessions of ${ceiling}`)
    // After its end a pool rotates no more, and knows of no version that came later.
    if (this.#hasChanged && !pool.ending) this.#tagsAreTrue(pool)
    this.#hasChanged = false
    this.#noteTrouble(pool, now)
    for (const caller of this.waiting) {
      const waited = now - Math.max(this.#troubleAt, caller.startedAt)
      if (waited < prompt) continue
      this.violated('R3', `caller ${caller.number} waits for ${waited} ms, and nothing is wrong`)
      this.waiting.delete(caller)
    }
    this.#pace.old = Math.max(this.#pace.old, this.#pace.replaced + this.#old(pool))
    this.#countUsable()
    const most = this.urgent ? ceiling : this.#rules.atOnce
    if (this.debt > most) this.violated('R9', `${this.debt} slots are empty for the rotation`)
    // What an urgent rotation has emptied may also be filled in a hurry.
    const isFilled = this.#dials.size === 0 && this.debt <= 0 && this.#lastDial === 'opened'
    if (isFilled && this.isConverged(pool)) this.urgent = false
  }

  /** Connections that the rotation took away and has not replaced. */
  get debt(): number {
    return this.#expected - this.#usable.size
  }

  /** Callers that dial make the pool larger, and whatever closes by itself makes it smaller: the rest is the rotation. */
  #countUsable(): void {
    const pool = this.#pool
    if (pool === undefined) return
    const before = this.#usable
    // A caller may take the slot that the rotation wants to fill: then it is filled.
    const isBetween = this.debt > 0 || this.#dials.size > 0
    this.#usable = new Set(
      [...pool.connections].filter(({ phase, openedFor }) => {
        if (phase === 'closing' || phase === 'closed') return false
        return phase === 'open' || openedFor === 'caller'
      }),
    )
    for (const connection of isBetween ? [] : this.#usable) {
      if (!before.has(connection) && connection.openedFor === 'caller') this.#expected += 1
    }
    this.#expected = Math.min(this.#expected, this.#rules.max)
    for (const connection of before) {
      const byItself = this.#part(connection).closedFor === undefined
      if (!this.#usable.has(connection) && byItself) this.#expected -= 1
    }
    const isQuiet = this.#dials.size === 0 && !this.#someoneLeaves(pool) && this.#old(pool) === 0
    // What the rotation opened where nothing old was left to leave for it stays.
    if (isQuiet) this.#expected = Math.max(this.#expected, this.#usable.size)
    this.#expected = Math.max(this.#expected, 0)
  }

  isConverged(pool: SimulatedPool): boolean {
    const newest = this.adoptions.length - 1
    for (const connection of pool.connections) {
      if (connection.phase === 'closed' || this.#isUntagged(connection)) continue
      if (this.#part(connection).adoption < newest) return false
    }
    return pool.rotation.generations.length <= 1
  }

  #isUntagged({ phase, credentials }: Connection): boolean {
    return phase === 'waiting' && credentials === undefined
  }

  #adopt(version: string): void {
    this.note(() => `${version} is adopted`)
    const before = this.adoptions.findLastIndex((known) => known.version === version)
    const earlier = this.adoptions[before]
    const index = this.adoptions.push({ version, proven: false, drained: false }) - 1
    const verdict = this.#verdicts.get(version)
    const now = this.#server.clock.now()
    if (verdict !== undefined) {
      verdict.knownSince = now
      // Its wait is over, and nobody need remember it.
      if (now >= verdict.retryAt) verdict.refusals = 0
    }
    if (earlier === undefined) return
    if (earlier.drained) {
      if (verdict !== undefined) verdict.hasWorked = false
      return
    }
    // The store has gone back to a version that is in use: it goes on, as the newest.
    earlier.drained = true
    for (const connection of this.#pool?.connections ?? []) {
      const part = this.#part(connection)
      if (part.adoption === before) part.adoption = index
    }
    if (verdict?.last === 'accepted') this.#proven(index)
  }

  #proven(index: number): void {
    const adoption = this.adoptions[index]
    if (adoption !== undefined) adoption.proven = true
    if (index <= this.#target) return
    this.#target = index
    // Stand-ins of the rotation before, whose old connections are still held.
    const ahead = Math.max(0, -this.debt)
    this.#pace = { since: this.#server.clock.now(), replaced: 0, old: 0, ahead }
    if (this.#pool !== undefined) this.#pace.old = this.#old(this.#pool)
  }

  #accepted(version: string, verdict: Verdict): void {
    Object.assign(verdict, { last: 'accepted', refusals: 0, retryAt: 0, hasWorked: true })
    verdict.acceptedAt = this.#server.clock.now()
    this.#proven(this.adoptions.findLastIndex((known) => known.version === version))
  }

  /** R7: one failed login per version and step of the backoff, and none where that would do harm. */
  #mayLogIn(connection: Connection, verdict: Verdict): void {
    const now = this.#server.clock.now()
    const version = connection.credentials?.version
    if (verdict.last === 'locked') this.violated('R7', `a login with ${version}, which is locked`)
    if (verdict.last === 'refused' && now < verdict.retryAt) {
      this.violated('R7', `a login with ${version}, ${verdict.retryAt - now} ms too early`)
    }
    if (verdict.last !== 'accepted') {
      // One that hangs must not keep everybody else from trying, and is heard of late.
      const { loginDeadline } = this.#cache.timings
      const beside = [...verdict.inFlight.values()].some((since) => now - since < loginDeadline)
      if (beside && !this.#serverIsBad)
        this.violated('R7', `a second login with ${version}, which is not proven`)
    }
    if (verdict.last === 'accepted' && now >= verdict.acceptedAt + proofLasts) {
      const { again } = verdict
      const waits = again && verdict.inFlight.has(again.by) && now < again.since + proofLasts
      if (waits && !this.#serverIsBad)
        this.violated('R7', `a login with ${version} beside the one that shows that it still works`)
      verdict.again = { by: connection, since: now }
    }
    // Those that were on their way before the first refusal were right to go.
    verdict.inFlight.set(connection, verdict.last === 'accepted' ? -Infinity : now)
  }

  /** R5: a candidate takes one slot at the ceiling, and no second before the first is filled again. */
  #objectionToCandidate(): string | undefined {
    const { newest } = this
    const pool = this.#pool as SimulatedPool
    const last = this.#verdicts.get(newest?.version ?? '')?.last
    if (newest === undefined || (newest.proven && last === 'accepted')) {
      return 'nothing newer waits to be proven'
    }
    if (pool.rotation.sessions < this.#rules.max + this.#rules.surge) return 'there was room'
    this.#countUsable()
    const hasSlot = this.debt > 0 || this.#dials.size > 0
    return hasSlot ? 'the candidate has a slot already' : undefined
  }

  /** R9: never faster than the spread says, but for the first. */
  #keepsPace(): void {
    const pool = this.#pool as SimulatedPool
    this.#pace.old = Math.max(this.#pace.old, this.#pace.replaced + this.#old(pool))
    this.#pace.replaced += 1
    if (this.urgent) return
    const { since, replaced, old, ahead } = this.#pace
    const { spread } = pool.rotation.timings
    const share = spread === 0 ? 1 : Math.min(1, (this.#server.clock.now() - since) / spread)
    const most = ahead + this.#rules.atOnce * (1 + old * share)
    if (replaced > most + 1e-6) {
      this.violated('R9', `${replaced} of ${old} replaced after ${share} of the spread`)
    }
  }

  /** R6 and R3: a caller fails only for a reason that the schedule gave. */
  #mayFail({ number, error, startedAt, timeout }: Caller): void {
    const now = this.#server.clock.now()
    const fail = (why: string): void =>
      this.violated('R6', `caller ${number} failed after ${now - startedAt} ms: ${why}`)
    if (error instanceof RekeyError && error.code === 'ERR_REKEY_POOL_ENDED') {
      if (this.#pool?.ending !== true) fail('the pool has not ended')
    } else if (error instanceof RekeyError) {
      if (this.#cache.current !== undefined) fail(`${String(error)}, with credentials at hand`)
    } else if (error instanceof TimedOut) {
      if (timeout === undefined || now - startedAt < timeout) fail('its time was not over')
    } else if (error instanceof Unreachable) {
      if (this.#unreachableAt < startedAt) fail('the server could be reached')
    } else if (error instanceof LoginRefused) {
      this.#mayBeRefused(now, startedAt, fail)
    } else fail(String(error))
  }

  #mayBeRefused(now: number, startedAt: number, fail: (why: string) => void): void {
    const known = this.#known()
    const { loginDeadline } = this.#cache.timings
    const isOver = this.#pool?.ending === true
    const isHopeless = isOver || known.every(({ last }) => last === 'locked')
    if (now - startedAt < loginDeadline && !isHopeless) fail('refused before the login deadline')
    for (const { pair, knownSince, last, retryAt } of known) {
      const triable = last === 'locked' ? Infinity : retryAt
      const good = Math.max(knownSince, pair.valid ? pair.since : Infinity, triable, startedAt)
      if (now - Math.max(good, this.#serverIsBad ? now : this.#badServerAt) >= prompt) {
        fail(`refused, and pair ${pair.number} works since ${good}`)
      }
    }
  }

  /** The newest version, and those that worked and are not drained. */
  #known(): Verdict[] {
    return [...this.#verdicts].flatMap(([version, verdict]) => {
      const adoption = this.adoptions.findLast((known) => known.version === version)
      const serves = verdict.hasWorked && adoption?.drained === false
      return serves || adoption === this.newest ? [verdict] : []
    })
  }

  #verdict(version: string, pair: Pair): Verdict {
    const known = this.#verdicts.get(version)
    if (known !== undefined) {
      if (known.pair !== pair) this.violated('R1', `${version} is not one pair`)
      return known
    }
    const verdict: Verdict = {
      pair,
      knownSince: this.#server.clock.now(),
      last: 'none',
      hasWorked: false,
      refusals: 0,
      retryAt: 0,
      inFlight: new Map(),
      acceptedAt: 0,
      again: undefined,
    }
    this.#verdicts.set(version, verdict)
    return verdict
  }

  #part(connection: Connection): Part {
    const known = this.#parts.get(connection)
    if (known !== undefined) return known
    const part: Part = { adoption: -1, closedFor: undefined, abandoned: false }
    this.#parts.set(connection, part)
    return part
  }

  #old(pool: SimulatedPool): number {
    let old = 0
    for (const connection of pool.connections) {
      if (connection.phase === 'closing' || connection.phase === 'closed') continue
      if (!this.#isUntagged(connection) && this.#part(connection).adoption < this.#target) old += 1
    }
    return old
  }

  #someoneLeaves(pool: SimulatedPool): boolean {
    return [...pool.connections].some(
      (connection) =>
        connection.phase === 'closing' && this.#part(connection).closedFor !== undefined,
    )
  }

  #isFound(session: { pair: Pair | undefined }): boolean {
    return [...(this.#pool?.connections ?? [])].some(
      (connection) => connection.session === session && connection.credentials === undefined,
    )
  }

  /** R12 and R15: what the rotation says of its generations is what the server sees. */
  #tagsAreTrue(pool: SimulatedPool): void {
    const said = new Map(pool.rotation.generations.map((counts) => [counts.version, { ...counts }]))
    for (const connection of pool.connections) {
      const { phase, credentials } = connection
      if (credentials === undefined || phase === 'closed') continue
      const used = pool.idle.includes(connection) ? 'idle' : 'lent'
      const isClosing = phase === 'closing' || this.#part(connection).abandoned
      const state = isClosing ? 'closing' : phase === 'open' ? used : 'connecting'
      const counts = said.get(credentials.version)
      if (counts === undefined) {
        this.violated('R12', `#${connection.number} is of ${credentials.version}, which is unknown`)
      } else counts[state] -= 1
    }
    for (const { version, connecting, idle, lent, closing } of said.values()) {
      if ([connecting, idle, lent, closing].every((difference) => difference === 0)) continue
      const differences = JSON.stringify({ connecting, idle, lent, closing })
      this.violated('R12', `of ${version} the rotation counts too many: ${differences}`)
    }
  }

  /** Until when something was wrong that a caller has to wait for. */
  #noteTrouble(pool: SimulatedPool, now: number): void {
    const { hangs, reachable, closeTime, sessions } = this.#server
    const isSlow = [...sessions].some(({ state, dialTime }) => state === 'login' && dialTime > 4)
    if (!reachable) this.#unreachableAt = now
    const isBad = hangs || !reachable || isSlow
    if (isBad || this.#serverIsBad) this.#badServerAt = now
    this.#serverIsBad = isBad
    let taken = 0
    for (const { holder, phase } of pool.connections) {
      if (holder !== undefined || phase === 'closing') taken += 1
    }
    const isWrong = isBad || closeTime > 2 || taken >= this.#rules.max || !this.#someoneGetsIn
    if (isWrong || this.#trouble) this.#troubleAt = now
    this.#trouble = isWrong
  }
}
