import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Account } from '../servers/server.ts'
import { startServer as start } from '../servers/start.ts'

/** A PostgreSQL of the benchmark's own, with SCRAM and two accounts to alternate between. */
export interface Server extends AsyncDisposable {
  readonly address: { host: string; port: number; database: string }
  readonly accounts: readonly [Account, Account]
  /** A connection that is not part of what is measured. */
  admin(): Promise<pg.Client>
}

export async function startServer(): Promise<Server> {
  const running = await start('postgres', { way: 'native', tls: false })
  const { host, port, user, password } = running
  const address = { host, port, database: 'postgres' }
  const accounts = [newAccount('app_a'), newAccount('app_b')] as const
  const admin = async (): Promise<pg.Client> => {
    const client = new pg.Client({ ...address, user, password })
    await client.connect()
    return client
  }
  try {
    const client = await admin()
    for (const account of accounts) {
      const secret = pg.escapeLiteral(account.password)
      await client.query(`CREATE ROLE ${account.user} LOGIN PASSWORD ${secret}`)
    }
    await client.end()
  } catch (error) {
    await running.stop()
    throw error
  }
  return { address, accounts, admin, [Symbol.asyncDispose]: () => running.stop() }
}

function newAccount(user: string): Account {
  return { user, password: randomBytes(12).toString('hex') }
}
