import { Returning } from '../returning.ts'
import { kill, listSessions, remove } from './accounts.ts'
import { ask, connect } from './admin.ts'
import { notAllowed, type Operator } from './operator.ts'
import { isGoodbye } from './pools.ts'
import { serverOf } from './server-of.ts'

/** Of one server. `restart`: how it is killed and started again, where it is the drill's own. @throws {DrillError} */
export async function operateOne(url: string, restart?: () => Promise<void>): Promise<Operator> {
  let admin = await connect(url)
  const { host, port, path, tls, db, family, password, username } = admin.options
  const info = await ask(admin.info('server')).catch((error: unknown) => {
    admin.disconnect()
    throw notAllowed(username ?? 'default', error)
  })
  // Counting must not wait for a command of the rotation.
  const counter = await Returning.by(() => connect(url))
  return {
    ...serverOf(info),
    admin: username ?? 'default',
    connection: {
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      ...(path !== undefined && { path }),
      ...(tls !== undefined && { tls }),
      ...(db !== undefined && { db }),
      ...(family !== undefined && { family }),
    },
    wire: {
      at: path ? { path } : { host: host ?? 'localhost', port: port ?? 6379 },
      isPlain: tls === undefined,
      isGoodbye,
    },
    secrets: password ? [password] : [],
    async setUser(user, ...rules) {
      await ask(admin.acl('SETUSER', user, ...rules))
      // A server that is killed comes back with the users that stand in its file.
      if (restart !== undefined) await ask(admin.acl('SAVE'))
    },
    sessions: (accounts) => counter.ask((client) => listSessions(client, accounts)),
    kill: (account) => kill(admin, account),
    failOver:
      restart &&
      (() =>
        counter.whileAway(async () => {
          await restart()
          admin = await connect(url)
        })),
    remove: (accounts, prefix) => remove(admin, accounts, prefix),
    close() {
      counter.current.disconnect()
      admin.disconnect()
    },
  }
}
