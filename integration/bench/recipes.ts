import { setTimeout as sleep } from 'node:timers/promises'
import { createCredentials, fromFunction } from '@rekey/core'
import type { Account } from '../servers/server.ts'
import type { Pool, Server, Subject } from './subject.ts'

/** A pool that is being rotated in one way or another. */
interface Rotated extends Pool {
  /** Whether `rotate` resolves when the last old connection is closed. */
  readonly drains: boolean
  /** Takes up a new account; resolves when the recipe has nothing more to do. */
  rotate(account: Account): Promise<void>
}

export type Recipe = (subject: Subject, server: Server, max: number) => Rotated

/** New connections log in with the new account, old ones stay for ever. Rotates nothing: the noise of the measurement. */
export const mutateOptions: Recipe = (subject, { address, accounts }, max) => {
  const pool = subject.openStock(address, max, accounts[0])
  return {
    ...pool,
    drains: false,
    async rotate(account) {
      pool.use(account)
    },
  }
}

/** The same, as if it took so many milliseconds: the noise of a rotation of that length. */
export function nothing(lasting: number): Recipe {
  return (subject, server, max) => {
    const pool = mutateOptions(subject, server, max)
    return {
      ...pool,
      drains: true,
      async rotate(account) {
        await pool.rotate(account)
        await sleep(lasting)
      },
    }
  }
}

/** The recipe of most answers on the web: a new pool takes over, the old one is ended. */
export const endAndNew: Recipe = (subject, { address, accounts }, max) => {
  let pool = subject.openStock(address, max, accounts[0])
  return {
    drains: false,
    query: (sql) => pool.query(sql),
    connect: () => pool.connect(),
    async rotate(account) {
      const old = pool
      pool = subject.openStock(address, max, account)
      await old.end()
    },
    end: () => pool.end(),
  }
}

/** What HikariCP and pgx do: idle connections are closed at once, lent ones when they are given back. */
export const evictIdle: Recipe = (subject, { address, accounts }, max) => {
  const pool = subject.openStock(address, max, accounts[0])
  return {
    ...pool,
    drains: false,
    async rotate(account) {
      pool.use(account)
      pool.evictIdle()
    },
  }
}

/** Our pool, with the timings that derive from an overlap, or with a pause of so many milliseconds between replacements. */
export function rekey({ overlap, pause }: { overlap: number; pause?: number }): Recipe {
  return (subject, { address, accounts }, max) => {
    let [account] = accounts
    let version = 1
    const source = fromFunction(() => ({ ...account, version: String(version) }))
    const credentials = createCredentials(source, { overlap })
    const spread = pause === undefined ? undefined : pause * max
    const pool = subject.openRekey(address, max, credentials, { spread })
    return {
      ...pool,
      drains: true,
      async rotate(next) {
        account = next
        version += 1
        await credentials.refresh()
        await pool.drained()
      },
      async end() {
        await pool.end()
        await credentials.close()
      },
    }
  }
}
