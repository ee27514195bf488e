import { randomBytes } from 'node:crypto'
import type { ServerKind } from '../../packages/drill/src/servers/server.ts'
import { startServer, type OwnServer } from '../../packages/drill/src/servers/start-server.ts'
import type { Account } from '../servers/server.ts'
import type { Server } from './subject.ts'

/** Starts a server without TLS, natively, which prepares itself for two accounts. */
export async function startWithAccounts(
  kind: ServerKind,
  signal: AbortSignal,
  prepare: (
    admin: Omit<OwnServer, 'stop'>,
    accounts: Server['accounts'],
  ) => Promise<Pick<Server, 'address' | 'lookout'>>,
): Promise<Server> {
  const { stop, ...admin } = await startServer(kind, 100, signal)
  const accounts = [newAccount('app_a'), newAccount('app_b')] as const
  try {
    const prepared = await prepare(admin, accounts)
    return { ...prepared, accounts, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function newAccount(user: string): Account {
  return { user, password: randomBytes(12).toString('hex') }
}
