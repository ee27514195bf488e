import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rekey/core'
import { Failures, type FailureGroup } from '../../packages/drill/src/failures.ts'
import { withinLimit } from '../../packages/drill/src/limit.ts'
import { Load } from '../../packages/drill/src/load.ts'
import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { until } from '../until.ts'
import type { Author, OpenService, Service } from './library.ts'
import { awaited, type Schema } from './schema.ts'

/** What became of a service whose credentials were rotated under load. */
export interface Outcome {
  rotations: number
  /** Requests, transactions, streams and migrations that failed, and what else was wrong. */
  failures: FailureGroup[]
  /** Requests that did not come to an end. */
  hung: number
  /** Sessions of an account that was to be revoked, over all rotations. */
  oldSessions: number
  /** The most sessions at once. */
  peak: number
  /** Sockets and sessions after the library's own shutdown. */
  left: { sockets: number; sessions: number }
}

export interface BodySettings {
  readonly access: ServerAccess
  readonly schema: Schema
  /** How long a rotation may take, in milliseconds. The first one that takes longer is the last. */
  readonly limit: number
}

export const rotations = 10
/** Connections of the service; the server itself grants no more. */
export const max = 5
/** Who come with a request, and again so many milliseconds after its answer: a slow machine is not overrun. */
const callers = 3
const pause = 20

/** Opens a service, and rotates its credentials under load again and again. */
export async function rotateUnderLoad(open: OpenService, settings: BodySettings): Promise<Outcome> {
  const { access, schema } = settings
  await using stage = new Stage(await setUp(access, max), systemClock)
  const { address, credentials, account } = stage
  const service = await open({ server: { ...address, max }, credentials, account })
  // Not before it has ended is the stage taken down.
  return await new Body(stage, service, schema, settings.limit).run()
}

/** Something that holds a connection. Ends it, and says whether all went well. */
type End = () => Promise<void>

class Body {
  readonly #stage: Stage
  readonly #service: Service
  readonly #schema: Schema
  readonly #limit: number
  readonly #load: Load
  readonly #failures = new Failures()
  #going = true
  #calls = 0
  #authors = 0
  #rotation = 0
  #oldSessions = 0
  /** Requests that the account which is published has served since it is. */
  #served = 0

  constructor(stage: Stage, service: Service, schema: Schema, limit: number) {
    this.#stage = stage
    this.#service = service
    this.#schema = schema
    this.#limit = limit
    const units = { query: () => this.#query(), transaction: () => this.#transaction() }
    // Of the load only the book is used: its own starts come at a fixed rate, whatever becomes of them.
    this.#load = new Load(units, 1, {
      served: (account) => void (this.#served += account === stage.account.user ? 1 : 0),
      failed: (error, unit) => this.#failed(error, unit),
    })
  }

  async run(): Promise<Outcome> {
    const { place, proxy } = this.#stage
    await this.#service.migrate([this.#schema.tables])
    await this.#rollBack()
    const calls = Promise.all(Array.from({ length: callers }, () => this.#callAgainAndAgain()))
    while (this.#rotation < rotations) {
      this.#rotation += 1
      if (!(await this.#rotate())) break
    }
    this.#going = false
    await withinLimit(calls, this.#limit)
    const hung = this.#load.open.length
    const closing = this.#service.close().catch((error) => this.#failed(error, 'shutdown'))
    const closed = await withinLimit(closing, this.#limit)
    if (!closed) this.#failed(new Error('The service did not shut down.'), 'shutdown')
    // The server may take a moment to see that a socket is closed.
    await until('all to close', () => proxy.open === 0, this.#limit).catch(() => {})
    await this.#untilListed()
    return {
      rotations: this.#rotation,
      failures: this.#failures.groups,
      hung,
      oldSessions: this.#oldSessions,
      // Of accepted connections: the server's list lags behind.
      peak: proxy.peak,
      left: { sockets: proxy.open, sessions: (await place.sessions()).length },
    }
  }

  /** One rotation as an operator does it, while something spans it. Says whether it came to its end. */
  async #rotate(): Promise<boolean> {
    const { place } = this.#stage
    const old = this.#stage.account
    const end = await this.#span()
    this.#served = 0
    await this.#stage.rotate()
    const drained = await this.#try('rotation', async () => {
      await until('the new account to serve', () => this.#served > 0, this.#limit)
      await end()
      await this.#untilDrained(old.user)
    })
    await place.revoke(old)
    if (drained) await this.#untilListed(old.user)
    const left = await place.sessions(old.user)
    this.#oldSessions += left.length
    for (const session of left) await place.kill(session)
    // Those that had their connections killed, and those that cannot log in any more.
    if (!drained) await sleep(this.#limit)
    return drained
  }

  async #untilDrained(user: string): Promise<void> {
    if (this.#service.drained) {
      if (await withinLimit(this.#service.drained(), this.#limit)) return
      throw new Error('The rotation was not drained.')
    }
    const { place, proxy } = this.#stage
    // A login that had read the old credentials may still be on its way: then a socket is open that is no session yet.
    const isGone = async (): Promise<boolean> => {
      const sessions = await place.sessions()
      return sessions.length === proxy.open && sessions.every((session) => session.user !== user)
    }
    await until('the old sessions to end', isGone, this.#limit)
  }

  /** In the list of MySQL a session may stand for some milliseconds longer than its socket. */
  async #untilListed(user?: string): Promise<void> {
    const isGone = async (): Promise<boolean> =>
      (await this.#stage.place.sessions(user)).length === 0
    await until('the list to catch up', isGone, this.#limit).catch(() => {})
  }

  /** Has something hold a connection: each kind in its turn. */
  #span(): Promise<End> {
    if (this.#rotation === 3) return this.#spanByMigration()
    return this.#service.titles && this.#rotation % 2 === 0
      ? this.#spanByStream(this.#service.titles())
      : this.#spanByTransaction()
  }

  async #spanByTransaction(author = this.#nextAuthor()): Promise<End> {
    const begun = Promise.withResolvers<void>()
    const mayGoOn = Promise.withResolvers<void>()
    const ended = this.#try('held transaction', async () => {
      await this.#service.add(author, () => {
        begun.resolve()
        return mayGoOn.promise
      })
      expectSame(await this.#service.find(author.name), author)
    })
    await Promise.race([begun.promise, ended])
    return async () => {
      mayGoOn.resolve()
      await ended
    }
  }

  async #spanByMigration(): Promise<End> {
    const { tables, slow, waits } = this.#schema
    const end = await this.#spanByTransaction({ name: awaited, titles: [awaited] })
    let hasEnded = false
    const ended = this.#try('migration', () => this.#service.migrate([tables, slow])).then(() => {
      hasEnded = true
    })
    const isWaiting = async (): Promise<boolean> =>
      hasEnded || (await this.#service.account(waits)) !== ''
    await until('the migration to wait', isWaiting, this.#limit)
    return async () => {
      if (hasEnded) throw new Error('The migration was over before the rotation.')
      await end()
      await ended
    }
  }

  async #spanByStream(titles: AsyncIterable<string>): Promise<End> {
    const begun = Promise.withResolvers<void>()
    const mayGoOn = Promise.withResolvers<void>()
    const ended = this.#try('stream', async () => {
      let read = 0
      for await (const title of titles) {
        read += 1
        if (title === '') throw new Error('A title is missing.')
        begun.resolve()
        await mayGoOn.promise
      }
      if (read < 2) throw new Error(`The stream ended after ${read} titles.`)
    })
    await Promise.race([begun.promise, ended])
    return async () => {
      mayGoOn.resolve()
      await ended
    }
  }

  /** A transaction that fails must leave nothing behind: else it was none. */
  async #rollBack(): Promise<void> {
    const kept = this.#nextAuthor()
    await this.#service.add(kept, async () => {})
    const dropped = this.#nextAuthor()
    const failure = new Error('Changed my mind')
    const add = this.#service.add(dropped, () => Promise.reject(failure))
    const added = await add.then(
      () => true,
      () => false,
    )
    if (added || (await this.#service.find(dropped.name))) {
      throw new Error('The transaction was not rolled back.')
    }
    expectSame(await this.#service.find(kept.name), kept)
  }

  async #callAgainAndAgain(): Promise<void> {
    while (this.#going) {
      await sleep(pause)
      this.#calls += 1
      if (this.#calls % 5 === 0) await this.#load.add('transaction', () => this.#transaction())
      else await this.#load.add('query', () => this.#query())
    }
  }

  async #query(): Promise<string> {
    const { name } = authorOf(1)
    expectSame(await this.#service.find(name), authorOf(1))
    return this.#service.account(this.#schema.account)
  }

  async #transaction(): Promise<string> {
    const author = this.#nextAuthor()
    await this.#service.add(author, async () => {})
    return this.#service.account(this.#schema.account)
  }

  #nextAuthor(): Author {
    this.#authors += 1
    return authorOf(this.#authors)
  }

  async #try(unit: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#failed(error, unit)
      return false
    }
  }

  #failed(error: unknown, unit: string): void {
    const atMs = Math.round(this.#load.elapsed)
    this.#failures.add(error, { unit, rotation: this.#rotation, atMs })
  }
}

function authorOf(number: number): Author {
  const name = `author ${number}`
  return { name, titles: [`${name}, book 1`, `${name}, book 2`] }
}

function expectSame(found: Author | undefined, author: Author): void {
  const titles = found && [...found.titles].toSorted()
  if (found?.name === author.name && String(titles) === String(author.titles)) return
  throw new Error(`Found ${JSON.stringify(found)} in the place of ${author.name}.`)
}
