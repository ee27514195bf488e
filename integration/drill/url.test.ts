import { createConnection, type RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import type { ServerAddress } from '../servers/server.ts'
import { until } from '../until.ts'
import { DrillCommand } from './command.ts'

const light = ['--no-control', '--rate', '100', '--max', '6']

/** A server that is there, as somebody would name it to the drill. */
interface Subject {
  readonly name: 'postgres' | 'mysql' | 'mariadb'
  readonly path: string
  /** What there is of a drill. */
  readonly left: (server: ServerAddress) => Promise<unknown[]>
}

const subjects: Subject[] = [
  { name: 'postgres', path: '/postgres', left: leftInPostgres },
  { name: 'mysql', path: '', left: leftInMysql },
  { name: 'mariadb', path: '/mysql', left: leftInMysql },
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

describe.each(subjects)('a $name that is there', ({ name, path, left }) => {
  test('is drilled, and nothing of the drill stays in it', async () => {
    const server = await serverAddress(name)
    const url = `${name}://${server.user}:${server.password}@${server.host}:${server.port}${path}`
    using drill = new DrillCommand('--url', url, '--rotations', '1', ...light)
    await drill.writes('rekey: ')
    // Two accounts, a schema, and in PostgreSQL their owner.
    expect((await left(server)).length).toBe(name === 'postgres' ? 4 : 3)
    expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
    expect(await left(server)).toEqual([])
    expect(drill.left).toEqual([])
  })

  test('has nothing of the drill in it after SIGINT under load', async () => {
    const server = await serverAddress(name)
    const url = `${name}://${server.user}:${server.password}@${server.host}:${server.port}${path}`
    using drill = new DrillCommand('--url', url, ...light)
    await drill.writes('rotation  1')
    drill.kill('SIGINT')
    expect(await drill.exit()).toBe(130)
    expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
    expect(await left(server)).toEqual([])
  })
})

test('a URL that asks for TLS asks for it in the name of the pools, too', async () => {
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
