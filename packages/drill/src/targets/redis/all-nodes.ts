import type { Redis } from 'ioredis'
import { connectAdmins, disconnect, type Admin } from '../../servers/redis-group/admins.ts'
import type { Address } from '../../servers/server.ts'
import type { ServerOfTarget } from '../own-server.ts'
import { kill, listSessions } from './accounts.ts'
import { ask } from './admin.ts'
import type { Operator } from './operator.ts'

/** What is the same in each of the drill's own groups. */
type AtAllNodes = Pick<
  Operator,
  'admin' | 'secrets' | 'setUser' | 'sessions' | 'kill' | 'remove' | 'close'
>

/** Has the operator's part done at each of the nodes that hold data; `admins` are its connections to them. */
export function atAllNodes(
  { user, password, onStop }: ServerOfTarget,
  data: readonly Address[],
): { readonly admins: readonly Admin[]; readonly operator: AtAllNodes } {
  const admins = connectAdmins(data, password)
  // Counting must not wait for a command of the rotation.
  const counters = connectAdmins(data, password)
  onStop(() => [admins, counters].forEach(disconnect))

  async function everywhere(work: (redis: Redis) => Promise<unknown>): Promise<void> {
    await Promise.all(admins.map(({ redis }) => work(redis)))
  }

  const operator: AtAllNodes = {
    ...{ admin: user, secrets: [password] },
    // Each node has users of its own, and one that is killed comes back with those that stand in its file.
    setUser: (account, ...rules) =>
      everywhere(async (redis) => {
        await ask(redis.acl('SETUSER', account, ...rules))
        await ask(redis.acl('SAVE'))
      }),
    async sessions(accounts) {
      // A client that has lost one node is at the next one before that is asked: what is there twice was there all the time.
      const before = await listAll(counters, accounts)
      const after = await listAll(counters, accounts)
      return new Map([...after].filter(([session]) => before.has(session)))
    },
    kill: (account) => everywhere((redis) => kill(redis, account)),
    // With them goes all that is in them, and so do we.
    remove: async () => {},
    close: () => {},
  }
  return { admins, operator }
}

/** The user of each connection of the accounts, by its node and its number there. */
async function listAll(
  counters: readonly Admin[],
  accounts: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const lists = counters.map(async ({ node, redis }) =>
    [...(await listSessions(redis, accounts))].map(
      ([id, account]) => [`${node.port} ${id}`, account] as const,
    ),
  )
  return new Map((await Promise.all(lists)).flat())
}
