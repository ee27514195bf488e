import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import type { ServerAddress } from '../servers/server.ts'
import { until } from '../until.ts'
import { DrillCommand } from './command.ts'

const light = ['--no-control', '--rate', '50', '--max', '6']

/** A server that is there, as somebody would name it to the drill. */
interface Subject {
  readonly name: 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'
  readonly path: string
  /** How many things a drill makes. */
  readonly makes: number
  /** What there is of a drill. */
  readonly left: (server: ServerAddress) => Promise<unknown[]>
}

const subjects: Subject[] = [
  // Two accounts, a schema, and in PostgreSQL their owner.
  { name: 'postgres', path: '/postgres', makes: 4, left: leftInPostgres },
  { name: 'mysql', path: '', makes: 3, left: leftInMysql },
  { name: 'mariadb', path: '/mysql', makes: 3, left: leftInMysql },
  // Two users, and keys.
  { name: 'redis', path: '', makes: 3, left: leftInRedis },
  { name: 'valkey', path: '/5', makes: 3, left: leftInRedis },
]

async function leftInPostgres({ host, port, user, password }: ServerAddress): Promise<unknown[]> {
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  const { rows } = await client.query(
    `SELECT rolname FROM pg_roles WHERE rolname LIKE 'rekey_drill_%'
    UNION SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rekey_drill_%'`,
  )
  await client.end()
  return rows
}

async function leftInMysql({ host, port, user, password }: ServerAddress): Promise<unknown[]> {
  const connection = await createConnection({ host, port, user, password })
  const [rows] = await connection.query(
    `SELECT user FROM mysql.user WHERE user LIKE 'rekey_drill_%'
    UNION SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'rekey_drill_%'`,
  )
  await connection.end()
  return rows as unknown[]
}

async function leftInRedis({ host, port, user, password }: ServerAddress): Promise<unknown[]> {
  const client = new Redis({ host, port, username: user, password })
  const rules = await client.acl('LIST')
  const databases = (await client.info('keyspace')).matchAll(/^db(\d+):/gm)
  const keys: string[] = []
  for (const [, database] of databases) {
    await client.select(Number(database))
    keys.push(...(await client.keys('rekey_drill_*')))
  }
  await client.quit()
  const users = rules.filter((rule) => rule.startsWith('user rekey_drill_'))
  return keys.length > 0 ? [...users, 'keys'] : users
}

/** The server's address, and how somebody would name it. */
async function named({ name, path }: Subject): Promise<{ server: ServerAddress; url: string }> {
  const server = await serverAddress(name)
  const { user, password, host, port } = server
  return { server, url: `${name}://${user}:${password}@${host}:${port}${path}` }
}

// One drill of each server at a time: what is there of it is counted.
describe('what is there', () => {
  test.concurrent.each(subjects)(
    'of $name is drilled, and nothing of the drill stays in it',
    async (subject) => {
      const { server, url } = await named(subject)
      const { makes, left } = subject
      using drill = new DrillCommand('--url', url, '--rotations', '1', ...light)
      await drill.writes('rekey: ')
      await until('all that it makes', async () => (await left(server)).length === makes)
      expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
      expect(await left(server)).toEqual([])
      expect(drill.left).toEqual([])
    },
  )
})

describe('what is there, under load', () => {
  test.concurrent.each(subjects)(
    'of $name has nothing of the drill in it after SIGINT',
    async (subject) => {
      const { server, url } = await named(subject)
      using drill = new DrillCommand('--url', url, ...light)
      await drill.writes('rotation  1')
      drill.kill('SIGINT')
      expect(await drill.exit()).toBe(130)
      expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
      expect(await subject.left(server)).toEqual([])
    },
  )
})

test.concurrent('a URL that asks for TLS asks for it in the name of the pools, too', async () => {
  const { host, port, user, password, ca } = await serverAddress('mysql')
  const ssl = encodeURIComponent(JSON.stringify({ ca }))
  const url = `mysql://${user}:${password}@${host}:${port}?ssl=${ssl}`
  using drill = new DrillCommand('--url', url, '--rotations', '1', ...light)
  const connection = await createConnection({ host, port, user, password })
  const types = await until('the pool to be connected', async () => {
    const [threads] = await connection.query<({ type: string } & RowDataPacket)[]>(
      `SELECT DISTINCT connection_type AS type FROM performance_schema.threads
      WHERE processlist_user LIKE 'rekey_drill_%'`,
    )
    return threads.length > 0 && threads.map(({ type }) => type)
  })
  await connection.end()
  expect(types).toEqual(['SSL/TLS'])
  expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
})

test.concurrent.each(['redis', 'valkey'] as const)(
  '%s: TLS is as the URL has it, for all clients',
  async (name) => {
    const { host, tlsPort, user, password, ca } = await serverAddress(name)
    const folder = await mkdtemp(join(tmpdir(), 'drill-ca-'))
    await writeFile(join(folder, 'ca.pem'), ca)
    vi.stubEnv('NODE_EXTRA_CA_CERTS', join(folder, 'ca.pem'))
    const url = `rediss://${user}:${password}@${host}:${tlsPort}`
    using drill = new DrillCommand('--url', url, '--rotations', '1', ...light)
    vi.unstubAllEnvs()
    expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
    await rm(folder, { recursive: true })
  },
)

test.concurrent.each(['redis', 'valkey'])(
  '%s: a ceiling with no room for its clients is said',
  async (name) => {
    using drill = new DrillCommand(name, '--max', '3')
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(/^drill: max is 3; \w+ needs 4 or more: .*\n$/)
  },
)
