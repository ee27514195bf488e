import type { Redis } from 'ioredis'
import { connectAdmins, disconnect, type Admin } from '../../servers/redis-group/admins.ts'
import { dataNodes, sentinelName } from '../../servers/redis-group/form-sentinel.ts'
import { moveOn, primaryBy, settle } from '../../servers/redis-group/sentinels.ts'
import type { ServerOfTarget } from '../own-server.ts'
import { kill, listSessions } from './accounts.ts'
import { ask } from './admin.ts'
import type { Operator } from './operator.ts'
import { serverOf } from './server-of.ts'

/** Of the drill's own primary, replicas and sentinels. */
export async function operateUnderSentinel(server: ServerOfTarget): Promise<Operator> {
  const { nodes, user, password, onStop } = server
  const [data, watchers] = [nodes.slice(0, dataNodes), nodes.slice(dataNodes)]
  const admins = connectAdmins(data, password)
  // Counting must not wait for a command of the rotation.
  const counters = connectAdmins(data, password)
  const sentinels = connectAdmins(watchers, '')
  onStop(() => [admins, counters, sentinels].forEach(disconnect))

  async function everywhere(work: (redis: Redis) => Promise<unknown>): Promise<void> {
    await Promise.all(admins.map(({ redis }) => work(redis)))
  }

  const { database, server: version } = serverOf(await ask(admins[0]!.redis.info('server')))
  return {
    ...{ database, server: `${version} under Sentinel`, admin: user, secrets: [password] },
    connection: {
      sentinels: watchers.map(({ host, port }) => ({ host, port })),
      name: sentinelName,
    },
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
    async failOver() {
      const killed = await primaryBy(sentinels)
      const place = data.findIndex(({ port }) => port === killed)
      await server.kill(place)
      // They are told what they would find out by themselves, after as long as a busy machine stands still.
      await moveOn(sentinels, killed)
      await server.start(place)
      const { host } = data[place]!
      await admins[place]!.redis.replicaof(host, await primaryBy(sentinels))
      await settle(sentinels, admins)
    },
    // With them goes all that is in them, and so do we.
    remove: async () => {},
    close: () => {},
  }
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
