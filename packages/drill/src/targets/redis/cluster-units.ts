import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectEqual } from '../expect-equal.ts'
import type { Units } from '../target.ts'
import type { ClusterClients } from './cluster-pools.ts'
import type { Inbox } from './pools.ts'
import { burst, expectAll, messagesIn, patience, receive, send, untilHeard } from './units.ts'

/** What the names of all lists have in common, for one slot: that of the first primary, which is killed in a failover. */
const tag = '{mail}'

/** The units of work on clients that may be others at each call. */
export function clusterUnits(clients: () => ClusterClients, inbox: Inbox, prefix: string): Units {
  // A name of its own for each unit: what was executed twice, or not at all, is seen in the value.
  const newName = (): string => `${prefix}${randomUUID()}`
  const newList = (): string => `${prefix}${tag}${randomUUID()}`

  return {
    async query() {
      const { shared } = clients()
      const [count, account] = await Promise.all([shared.incr(newName()), shared.acl('WHOAMI')])
      expectEqual(count, 1, 'a counter that was counted up once')
      return account
    },

    /** In a Cluster it is sent as a whole, to the node of its keys. */
    async transaction() {
      const name = newName()
      const { shared } = clients()
      const results = await shared.multi().incr(name).acl('WHOAMI').exec()
      expectEqual(results?.[0]?.[1], 1, 'a counter that a transaction counted up once')
      await sleep(30)
      expectEqual(await clients().shared.getdel(name), '1', 'what a transaction has left')
      return String(results?.[1]?.[1])
    },

    /** A read that waits all the time: nothing else holds a connection of a Cluster. */
    hold(milliseconds, onHeld) {
      const { exclusive } = clients()
      return exclusive.use(async (client) => {
        const name = newList()
        await clients().shared.rpush(name, 'first')
        expectEqual((await client.blpop(name, patience))?.[1], 'first', 'the first of a list')
        const reading = client.blpop(name, milliseconds / 1000 + patience)
        onHeld()
        const [read] = await Promise.all([
          reading,
          sleep(milliseconds).then(() => clients().shared.rpush(name, 'last')),
        ])
        expectEqual(read?.[1], 'last', 'the last of a list')
        return whoReads(client, name)
      })
    },

    async stream(milliseconds, onHeld) {
      const { exclusive, listening } = clients()
      await listening
      const name = newList()
      const messages = messagesIn(milliseconds)
      const heard: number[] = []
      inbox.set(name, (message) => heard.push(Number(message)))
      try {
        return await exclusive.use(async (client) => {
          await Promise.all([
            send(() => clients().shared, name, messages),
            receive(client, name, messages, onHeld),
          ])
          await untilHeard(heard, messages * burst)
          // They are published at several nodes, which keep no order among them.
          heard.sort((one, other) => one - other)
          expectAll(heard, messages * burst)
          return whoReads(client, name)
        })
      } finally {
        inbox.delete(name)
      }
    },
  }
}

/** As who the connection that reads a list has logged in, by the server's own word. */
async function whoReads(client: ClusterClients['shared'], name: string): Promise<string> {
  const results = await client.pipeline().exists(name).acl('WHOAMI').exec()
  const [left, account] =
    results?.map(([error, value]) => {
      if (error) throw error
      return value
    }) ?? []
  expectEqual(left, 0, 'what is left of a list')
  return String(account)
}
