import type { Redis } from 'ioredis'
import { drillsOf, type Leftovers, type Survey } from '../survey.ts'
import { remove } from './accounts.ts'
import { ask, connect } from './admin.ts'
import { serverOf } from './server-of.ts'

/** Looks at a server, and makes nothing. @throws {DrillError} if it cannot be reached. */
export async function surveyRedis(url: string): Promise<Survey> {
  const admin = await connect(url)
  try {
    const info = await ask(admin.info())
    const clients = String(await ask(admin.client('LIST')))
    const { host = '', username } = admin.options
    return {
      ...{ server: serverOf(info).server, admin: username ?? 'default', host, names: [] },
      sessions: clients.trim().split('\n').length - 1,
      bytes: Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0),
    }
  } finally {
    admin.disconnect()
  }
}

/** Removes what drills have left that have no session any more. @throws {DrillError} if it cannot be reached. */
export async function cleanUpRedis(url: string): Promise<Leftovers> {
  const admin = await connect(url)
  try {
    const users = await ask(admin.acl('USERS'))
    const open = String(await ask(admin.client('LIST'))).matchAll(/ user=(\S+)/g)
    const inUse = drillsOf([...open].map(([, user = '']) => user))
    const databases = [...(await ask(admin.info('keyspace'))).matchAll(/^db(\d+):/gm)]
    const removed = new Set(drillsOf(users))
    for (const [, database = '0'] of databases) {
      await ask(admin.select(Number(database)))
      for (const name of drillsOf(await keysOf(admin))) removed.add(name)
    }
    for (const name of inUse) removed.delete(name)
    for (const [, database = '0'] of [['', admin.options.db ?? '0'], ...databases]) {
      await ask(admin.select(Number(database)))
      for (const name of removed) await remove(admin, [`${name}_a`, `${name}_b`], `${name}:`)
    }
    return { removed: [...removed].toSorted(), inUse }
  } finally {
    admin.disconnect()
  }
}

async function keysOf(admin: Redis): Promise<string[]> {
  const all: string[] = []
  for await (const keys of admin.scanStream({ match: 'rekey_drill_*', count: 1_000 })) {
    all.push(...(keys as string[]))
  }
  return all
}
