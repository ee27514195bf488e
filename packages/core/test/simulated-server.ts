import type { VirtualClock } from './virtual-clock.ts'

/** A user and a password that the store has given out once. */
export interface Pair {
  readonly number: number
  readonly user: string
  readonly password: string
  /** Whether the server lets it in, and since when that is so. */
  valid: boolean
  since: number
  locked: boolean
}

export type Answer = 'accepted' | 'refused' | 'locked' | 'unreachable'

/** A session as the client sees it. */
export interface SessionEvents {
  answered(answer: Answer): void
  /** The socket is closed, by whomever. Called once, and `answered` not after it. */
  closed(): void
}

/**
 * A database server: knows which pairs may log in right now, and counts a session from the accept of the dial until the
 * socket is closed.
 */
export class SimulatedServer {
  readonly sessions = new Set<Session>()
  readonly pairs: Pair[] = []
  /** How long a login takes, half of it until it is judged. */
  dialTime = 4
  /** How long a socket takes to close in good order. */
  closeTime = 2
  reachable = true
  hangs = false
  /** Every session ever, and every one that was closed: for tests of churn. */
  opened = 0
  readonly clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.clock = clock
  }

  add(pair: Omit<Pair, 'since' | 'number'>): Pair {
    const added = { ...pair, number: this.pairs.length, since: this.clock.now() }
    this.pairs.push(added)
    return added
  }

  allow(pair: Pair, valid: boolean): void {
    if (pair.valid === valid) return
    pair.valid = valid
    pair.since = this.clock.now()
  }

  dial(user: string, password: string, events: SessionEvents): Session {
    // Looked up by the user alone, so that a torn pair is what it is at a real server: a wrong password.
    const pair = this.pairs.find((known) => known.user === user && known.password === password)
    const session = new Session(this, pair, events)
    this.sessions.add(session)
    this.opened += 1
    session.login()
    return session
  }

  /** A session that has logged in already, with the first pair. */
  found(events: SessionEvents): Session {
    const session = new Session(this, this.pairs[0], events)
    session.state = 'open'
    this.sessions.add(session)
    this.opened += 1
    return session
  }

  /** Lets everything that hung go on. */
  resume(): void {
    this.hangs = false
    for (const session of [...this.sessions]) session.resume()
  }
}

export class Session {
  state: 'login' | 'open' | 'closing' | 'closed' = 'login'
  readonly server: SimulatedServer
  readonly pair: Pair | undefined
  readonly events: SessionEvents
  readonly dialTime: number
  #hung = false

  constructor(server: SimulatedServer, pair: Pair | undefined, events: SessionEvents) {
    this.server = server
    this.pair = pair
    this.events = events
    this.dialTime = server.dialTime
  }

  login(): void {
    const { clock } = this.server
    clock.after(this.dialTime / 2, () => this.#judge())
  }

  resume(): void {
    if (!this.#hung) return
    this.#hung = false
    this.#judge()
  }

  #judge(): void {
    if (this.state !== 'login') return
    if (this.server.hangs) {
      this.#hung = true
      return
    }
    const answer = this.#answer()
    this.server.clock.after(this.dialTime / 2, () => {
      if (this.state !== 'login') return
      if (answer === 'accepted') this.state = 'open'
      this.events.answered(answer)
    })
  }

  #answer(): Answer {
    if (!this.server.reachable) return 'unreachable'
    if (this.pair?.valid === true) return 'accepted'
    return this.pair?.locked === true ? 'locked' : 'refused'
  }

  /** Closes in good order. */
  end(): void {
    if (this.state === 'closed') return
    this.state = 'closing'
    this.server.clock.after(this.server.closeTime, () => this.#close())
  }

  /** Drops the socket; that it is closed is heard a moment later. */
  destroy(): void {
    if (this.state === 'closed') return
    this.state = 'closing'
    this.server.clock.after(0, () => this.#close())
  }

  /** The server, or the network, drops it. */
  die(): void {
    this.#close()
  }

  #close(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.server.sessions.delete(this)
    this.events.closed()
  }
}
