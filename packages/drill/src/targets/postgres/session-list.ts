import type pg from 'pg'
import { Returning } from '../returning.ts'
import { connect } from './admin.ts'

/** The sessions of the accounts, by a connection of its own. */
export class SessionList {
  readonly #client: Returning<pg.Client>
  readonly #accounts: readonly string[]

  private constructor(client: Returning<pg.Client>, accounts: readonly string[]) {
    this.#client = client
    this.#accounts = accounts
  }

  /** @throws {DrillError} if there is no connection. */
  static async of(config: pg.ClientConfig, accounts: readonly string[]): Promise<SessionList> {
    return new SessionList(await Returning.by(() => connect(config)), accounts)
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

  /** While this work takes the server away and back, who asks waits. */
  whileAway(work: () => Promise<void>): Promise<void> {
    return this.#client.whileAway(work)
  }

  end(): Promise<void> {
    return this.#client.current.end()
  }

  #ask<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    return this.#client.ask(async (client) => {
      const { rows } = await client.query<Row>({ ...query, values: [this.#accounts] })
      return rows
    })
  }
}
