import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { databases } from '../../packages/drill/src/databases.ts'
import type { RunningServer, ServerAddress } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import { DrillCommand } from './command.ts'

/** Several drills of this file may have as many sessions as a live system. */
const agreed = ['--yes', '--i-know']
const light = ['--no-control', '--rate', '50', '--max', '6', ...agreed]

type Name = 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'

const started = new Map<Name, Promise<RunningServer>>()

/** Of a server of this file's own: what is there of drills is counted, and removed. */
async function serverAddress(name: Name): Promise<ServerAddress> {
  if (!started.has(name)) started.set(name, startServer(name))
  return started.get(name)!
}

afterAll(async () => {
  for (const server of started.values()) await (await server).stop()
})

/** A server that is there, as somebody would name it to the drill. */
interface Subject {
  readonly name: Name
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
  const withKeys = (await client.info('keyspace')).matchAll(/^db(\d+):/gm)
  const keys: string[] = []
  for (const [, database] of withKeys) {
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

describe('what was there', () => {
  test.concurrent.each(subjects)(
    'of $name has its leftovers of drills removed, but for those of one that runs',
    async (subject) => {
      const { name, left } = subject
      const { server, url } = await named(subject)
      const { target, cleanUp } = databases[name]
      const needs = { max: 6, signal: new AbortController().signal }
      const crashed = await target({ url })(needs)
      const running = await target({ url })(needs)
      const login = { user: running.accounts[0], password: 'correct horse', version: '1' }
      await running.allow(login)
      const options = {
        max: 6,
        spread: 1_000,
        login,
        load: () => login,
        onLogin() {},
        onError() {},
      }
      const pool = running.openPool('rekey', options)
      await pool.units.query()
      const [gone, kept] = [crashed, running].map(({ accounts }) => accounts[0].slice(0, -2))
      expect(await cleanUp(url)).toEqual({ removed: [gone], inUse: [kept] })
      const there = JSON.stringify(await left(server))
      expect([there.includes(gone!), there.includes(kept!)]).toEqual([false, true])
      await pool.end()
      await running.close()
      await crashed.close()
      expect(await cleanUp(url)).toEqual({ removed: [], inUse: [] })
    },
  )
})

test('--cleanup says what it has removed of a drill that was killed', async () => {
  const server = await serverAddress('postgres')
  const url = `postgres://${server.user}:${server.password}@${server.host}:${server.port}/postgres`
  using killed = new DrillCommand('--url', url, ...light)
  await killed.writes('rekey: ')
  killed.kill('SIGKILL')
  await killed.exit()
  // The server notices one by one that the sessions have lost their client.
  await until('its sessions to be over', async () => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE usename LIKE 'rekey_drill_%'`,
    )
    await client.end()
    return rows.length === 0
  })
  using cleaning = new DrillCommand('--url', url, '--cleanup')
  expect(await cleaning.exit()).toBe(0)
  expect(cleaning.stdout).toMatch(/^Removed rekey_drill_[0-9a-f]{8}…\n$/)
  expect(await leftInPostgres(server)).toEqual([])
})

test('what looks like production is not touched without somebody who knows', async () => {
  const { host, port, user, password } = await serverAddress('postgres')
  const admin = new pg.Client({ host, port, user, password, database: 'postgres' })
  await admin.connect()
  await admin.query('CREATE DATABASE shop_prod')
  try {
    const url = `postgres://${user}:${password}@${host}:${port}/shop_prod`
    using drill = new DrillCommand('--url', url, '--yes')
    expect(await drill.exit()).toBe(2)
    expect(drill.stderr).toMatch(/looks like production: "shop_prod" is the name of something/)
    expect(drill.stderr).toContain('add --i-know')
    expect(drill.stdout).toBe('')
  } finally {
    await admin.query('DROP DATABASE shop_prod WITH (FORCE)')
    await admin.end()
  }
})

/** An account that may log in, and no more. */
const humble = { user: 'drill_humble', password: 'humble' }

test('postgres: an admin who may not create roles is told what it takes', async () => {
  const { host, port, user, password } = await serverAddress('postgres')
  const admin = new pg.Client({ host, port, user, password, database: 'postgres' })
  await admin.connect()
  await admin.query(`CREATE ROLE ${humble.user} LOGIN PASSWORD '${humble.password}'`)
  try {
    const url = `postgres://${humble.user}:${humble.password}@${host}:${port}/postgres`
    using drill = new DrillCommand('--url', url, ...agreed)
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(/permission denied to create role\ndrill_humble needs CREATEROLE/)
  } finally {
    await admin.query(`DROP ROLE ${humble.user}`)
    await admin.end()
  }
})

test('mysql: an admin who may not create accounts is told what it takes', async () => {
  const { host, port, user, password } = await serverAddress('mysql')
  const admin = await createConnection({ host, port, user, password })
  await admin.query(`CREATE USER ?@'%' IDENTIFIED BY ?`, [humble.user, humble.password])
  try {
    const url = `mysql://${humble.user}:${humble.password}@${host}:${port}`
    using drill = new DrillCommand('--url', url, ...agreed)
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(/could not be made: .*denied.*\ndrill_humble needs CREATE USER/)
  } finally {
    await admin.query(`DROP USER ?@'%'`, [humble.user])
    await admin.end()
  }
})

test('redis: an admin who may not set users is told what it takes', async () => {
  const { host, port, user, password } = await serverAddress('redis')
  const admin = new Redis({ host, port, username: user, password })
  const rights = ['on', `>${humble.password}`, '~*', '+@all', '-acl|setuser']
  await admin.acl('SETUSER', humble.user, ...rights)
  try {
    const url = `redis://${humble.user}:${humble.password}@${host}:${port}`
    using drill = new DrillCommand('--url', url, ...agreed)
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(/could not be made: .*NOPERM.*\ndrill_humble needs acl\|setuser/)
  } finally {
    await admin.acl('DELUSER', humble.user)
    await admin.quit()
  }
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
