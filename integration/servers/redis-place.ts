import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Fleet } from './redis-groups/fleet.ts'
import type { Account, DualPasswords, Place, RefusedLogin, Session } from './server.ts'

/** Everything but what would reach beyond the place. */
const commands = [
  '+@all',
  '-@admin',
  '-flushall',
  '-flushdb',
  '-swapdb',
  '+monitor',
  '+client|unblock',
]

/** A place on one server, or on all nodes of a group: none of them tells another of its accounts. */
export function createRedisPlace(fleet: Fleet): Place & DualPasswords {
  const prefix = `place${randomBytes(6).toString('hex')}:`
  const accounts: string[] = []

  async function setUser(user: string, ...rules: string[]): Promise<void> {
    await fleet.all(({ redis }) => redis.acl('SETUSER', user, ...rules))
  }

  async function setPassword({ user, password }: Account): Promise<void> {
    await setUser(user, 'on', 'resetpass', `>${password}`)
  }

  async function rotate({ user }: { user: string }): Promise<Account> {
    const account = { user, password: newPassword() }
    await setPassword(account)
    return account
  }

  const { host, port } = fleet.first
  return {
    host,
    port,
    database: prefix,
    async createAccount() {
      const user = `${prefix}${accounts.length}`
      accounts.push(user)
      await setUser(user, 'reset', `~${prefix}*`, `&${prefix}*`, ...commands)
      return rotate({ user })
    },
    rotate,
    setPassword,
    revoke: ({ user }) => setUser(user, 'off', 'resetpass'),
    async retain({ user, password }) {
      const next = { user, password: newPassword() }
      await setUser(user, 'resetpass', `>${password}`, `>${next.password}`)
      return next
    },
    discard: setPassword,
    async sessions(user) {
      const users = user === undefined ? accounts : [user]
      const found = await fleet.all(async ({ redis, node }) => {
        const all = readClients(await redis.client('LIST'))
        return fleet.isGroup ? all.map((session) => ({ ...session, port: node.port })) : all
      })
      return found
        .flat()
        .filter((session) => users.includes(session.user))
        .toSorted((one, other) => one.id - other.id)
    },
    async kill({ id, port: at = port }) {
      await fleet.at(at).redis.client('KILL', 'ID', id)
    },
    async refusedLogins() {
      const found = await fleet.all(({ redis }) => readRefusals(redis))
      return found.flat().filter(({ user }) => accounts.includes(user))
    },
    async [Symbol.asyncDispose]() {
      if (accounts.length > 0) await fleet.all(({ redis }) => redis.acl('DELUSER', ...accounts))
      await fleet.all(({ redis }) => removeKeys(redis, prefix))
    },
  }
}

function newPassword(): string {
  return randomBytes(12).toString('hex')
}

function readClients(list: unknown): Session[] {
  const lines = String(list).matchAll(/^id=(?<id>\d+) .* user=(?<user>\S+)/gm)
  return [...lines].map(({ groups }) => ({
    id: Number(groups?.['id']),
    user: groups?.['user'] ?? '',
  }))
}

/** More than the log is allowed to hold. */
const allEntries = 1_000_000

/**
 * From the server's log of those that it turned away. It counts equal ones in one entry, but loses none as long as it may
 * be longer than it is: the settings of the tests see to that.
 */
async function readRefusals(redis: Redis): Promise<RefusedLogin[]> {
  const entries = (await redis.acl('LOG', allEntries)) as unknown[][]
  return entries.flatMap((flat) => {
    const valueOf = (name: string): string => String(flat[flat.indexOf(name) + 1])
    if (valueOf('reason') !== 'auth') return []
    const refused = { user: valueOf('username'), code: 'WRONGPASS', reason: 'credentials' } as const
    return Array.from({ length: Number(valueOf('count')) }, () => refused)
  })
}

async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  // A replica follows its primary.
  const [role] = (await redis.role()) as [string]
  if (role !== 'master') return
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 }))
    // In a cluster each key may be in a slot of its own.
    for (const key of keys as string[]) await redis.unlink(key)
}
