import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres } from '../servers/postgres.ts'
import { connectRedis } from '../servers/redis.ts'
import type { Server } from '../servers/server.ts'

/** What the names on a page stand for. */
export interface Setting extends AsyncDisposable {
  /** Puts real names in the place of those that are printed. */
  readonly fill: (snippet: string) => string
  readonly env: Readonly<Record<string, string>>
}

const servers = {
  postgres: async () => connectPostgres(await serverAddress('postgres')),
  mysql: async () => connectMysql(await serverAddress('mysql')),
  redis: async () => connectRedis(await serverAddress('redis')),
} satisfies Record<string, () => Promise<Server>>

export type SettingName = keyof typeof servers

/** The server that a snippet runs on: that of its page's package, or else of what it imports. */
export function settingOf(page: string, snippet: string): SettingName {
  const names = page + snippet
  if (names.includes('ioredis')) return 'redis'
  return names.includes('mysql2') ? 'mysql' : 'postgres'
}

/** The password that the pages print. */
const password = 'correct horse'

export async function setUp(name: SettingName): Promise<Setting> {
  const server = await servers[name]()
  const place = await server.createPlace({ sessions: 50 })
  const { user: a } = await place.createAccount()
  const { user: b } = await place.createAccount()
  for (const user of [a, b]) await place.setPassword({ user, password })
  const folder = await mkdtemp(join(tmpdir(), 'rekey-docs-'))
  const file = join(folder, 'database.json')
  await writeFile(file, JSON.stringify({ user: a, password }))
  return {
    fill: (snippet) =>
      snippet
        .replaceAll("'db.internal'", `'${place.host}', port: ${place.port}`)
        .replaceAll('port: 5432', `port: ${place.port}`)
        .replaceAll("'app'", `'${place.database}'`)
        .replaceAll('/etc/app/database.json', file)
        // The machine's own would keep what is written there, and may have it from another user.
        .replaceAll('tmpdir()', `'${folder}'`)
        .replaceAll("'app_a'", `'${a}'`)
        .replaceAll("'app_b'", `'${b}'`),
    env: { DB_USER: a, DB_PASSWORD: password },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
      await place[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
