import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { ask } from './admin.ts'

/** The user of each connection of the accounts, by its id. */
export async function listSessions(
  counter: Redis,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const list = String(await counter.client('LIST'))
  const sessions = list.matchAll(/^id=(\d+) .* user=(\S+)/gm)
  return new Map(
    [...sessions].flatMap(([, id = '', user = '']) =>
      accounts.includes(user) ? [[id, user]] : [],
    ),
  )
}

/** How long a connection that was killed may take to go, in milliseconds. */
const killLimit = 5_000

export async function kill(admin: Redis, account: string): Promise<void> {
  for (const deadline = performance.now() + killLimit; ; await sleep(5)) {
    const killed = Number(await ask(admin.client('KILL', 'USER', account)))
    if (killed === 0 || performance.now() > deadline) return
  }
}

export async function remove(
  admin: Redis,
  accounts: readonly string[],
  prefix: string,
): Promise<void> {
  // It closes their connections, too.
  await admin.acl('DELUSER', ...accounts)
  for await (const keys of admin.scanStream({ match: `${prefix}*`, count: 1_000 })) {
    if ((keys as string[]).length > 0) await admin.unlink(...(keys as string[]))
  }
}
