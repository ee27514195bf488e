import type pg from 'pg'
import { connect } from './admin.ts'

/** The sessions of the accounts, by a connection of its own. */
export class SessionList {
  readonly #config: pg.ClientConfig
  readonly #accounts: readonly string[]
  #client: pg.Client
  /** Resolves when the server is there. */
  #back: Promise<void> = Promise.resolve()

  private constructor(config: pg.ClientConfig, accounts: readonly string[], client: pg.Client) {
    this.#config = config
    this.#accounts = accounts
    this.#client = client
  }

  /** @throws {DrillError} if there is no connection. */
  static async of(config: pg.ClientConfig, accounts: readonly string[]): Promise<SessionList> {
    return new SessionList(config, accounts, await connect(config))
  }

  /** How many there are of each account. */
  async counts(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#ask<{ account: string; sessions: number }>({
      name: 'sessions',
      text: `SELECT usename AS account, count(*)::int AS sessions
        FROM pg_stat_activity WHERE usename = ANY($1) GROUP BY usename`,
    })
    return new Map(rows.map(({ account, sessions }) => [account, sessions]))
  }

  /** The account of each, by its process. */
  async accounts(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#ask<{ pid: number; account: string }>({
      text: 'SELECT pid, usename AS account FROM pg_stat_activity WHERE usename = ANY($1)',
    })
    return new Map(rows.map(({ pid, account }) => [String(pid), account]))
  }

  /** While this work takes the server away and back, who asks waits, and who was asking asks again. */
  async whileAway(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // There may be nobody who asks.
    promise.catch(() => {})
    this.#back = promise
    try {
      await work()
      this.#client = await connect(this.#config)
      resolve()
    } catch (error) {
      reject(error)
      throw error
    }
  }

  end(): Promise<void> {
    return this.#client.end()
  }

  async #ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    const back = this.#back
    await back
    try {
      const { rows } = await this.#client.query<Row>({ ...query, values: [this.#accounts] })
      return rows
    } catch (error) {
      if (back === this.#back) throw error
      return this.#ask(query)
    }
  }
}
