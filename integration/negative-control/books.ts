import type { CredentialsCache, DrainedMessage, GenerationCounts } from '@rekey/core'
import pg from 'pg'

type Phase = 'connecting' | 'open' | 'closing'

interface Entries {
  enter(client: pg.Client): void
  move(client: pg.Client, phase: Phase): void
}

function enteredClient(books: Entries): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: string | pg.ClientConfig) {
      super(config)
      books.enter(this)
    }

    override connect(): Promise<this>
    override connect(callback: (error: Error | null) => void): void
    override connect(callback?: (error: Error | null) => void): Promise<this> | void {
      const opened = super.connect().then(() => books.move(this, 'open'))
      if (callback === undefined) return opened.then(() => this)
      opened.then(() => callback(null), callback)
    }

    override end(): Promise<void>
    override end(callback: (error: Error) => void): void
    override end(callback?: (error: Error) => void): Promise<void> | void {
      books.move(this, 'closing')
      return callback === undefined ? super.end() : super.end(callback)
    }
  }
}

/** Stock connections by the version that they logged in with: what a pool without rotation does not know, told truly. */
export class Books {
  readonly #credentials: CredentialsCache
  readonly #open = new Map<pg.Client, { version: string; phase: Phase }>()
  readonly #since = new Map<string, Date>()
  readonly #listeners: ((message: DrainedMessage) => void)[] = []
  readonly #waiting: (() => void)[] = []
  readonly #idle: () => Iterable<pg.Client>

  constructor(credentials: CredentialsCache, idle: () => Iterable<pg.Client>) {
    this.#credentials = credentials
    this.#idle = idle
  }

  /** A client of the driver's that enters itself when it is made. */
  readonly Client: typeof pg.Client = enteredClient({
    enter: (client) => this.#enter(client),
    move: (client, phase) => this.#move(client, phase),
  })

  get generations(): GenerationCounts[] {
    const idle = new Set(this.#idle())
    return [...this.#since].map(([version, since]) => {
      const counts = { connecting: 0, idle: 0, lent: 0, closing: 0 }
      for (const [client, entry] of this.#open) {
        if (entry.version !== version) continue
        if (entry.phase === 'open') counts[idle.has(client) ? 'idle' : 'lent'] += 1
        else counts[entry.phase] += 1
      }
      return { version, ...counts, since }
    })
  }

  /** The store has a new version. */
  turn(version: string): void {
    this.#since.set(version, new Date(this.#credentials.clock.wall()))
    this.#settle()
  }

  async drained(): Promise<void> {
    if (this.#since.size > 1) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  onDrained(listener: (message: DrainedMessage) => void): void {
    this.#listeners.push(listener)
  }

  #enter(client: pg.Client): void {
    const version = this.#credentials.current?.version ?? ''
    this.#open.set(client, { version, phase: 'connecting' })
    const { stream } = (client as unknown as { connection: { stream: NodeJS.EventEmitter } })
      .connection
    stream.once('close', () => {
      this.#open.delete(client)
      this.#settle()
    })
  }

  #move(client: pg.Client, phase: Phase): void {
    const entry = this.#open.get(client)
    if (entry !== undefined) entry.phase = phase
  }

  #settle(): void {
    const current = this.#credentials.current?.version
    const inUse = new Set([...this.#open.values()].map(({ version }) => version))
    for (const version of [...this.#since.keys()]) {
      if (version === current || inUse.has(version)) continue
      this.#since.delete(version)
      for (const listener of this.#listeners) listener({ pool: 'stock', version, after: 0 })
    }
    if (this.#since.size > 1) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
