import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { expect, test } from 'vitest'
import { until } from '../until.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const services = ['postgres', 'mysql', 'mariadb', 'redis', 'valkey'] as const

/** The engine chooses the ports, so that nothing that runs on this machine is in the way. */
const env = {
  ...process.env,
  COMPOSE_PROJECT_NAME: `rekey-${randomBytes(4).toString('hex')}`,
  ...Object.fromEntries(services.map((name) => [`REKEY_${name.toUpperCase()}_PORT`, '0'])),
}

/** The plugin of the client; else the program of its own that some distributions have. */
const compose = await run('docker', ['compose', 'version']).then(
  () => 'docker compose',
  () => 'docker-compose',
)

async function ask(words: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `${compose} ${words}`], { cwd: root, env })
  return stdout.trim()
}

test('docker-compose.yml is accepted', async () => {
  expect((await ask('config --services')).split('\n').toSorted()).toEqual(services.toSorted())
})

test('docker-compose.yml brings up five healthy servers, each with two accounts', async () => {
  // Whatever ends this process closes the pipe, and with that ends the services.
  const script = `${compose} up --detach && cat >/dev/null; ${compose} down --volumes --timeout 0`
  const holder = spawn('sh', ['-c', script], {
    cwd: root,
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = once(holder, 'exit')
  try {
    for (const service of services)
      await until(`${service} to be healthy`, () => isHealthy(service), 100_000)
    for (const [user, password] of [
      ['app_a', 'rekey-a'],
      ['app_b', 'rekey-b'],
    ] as const) {
      expect(await askPostgres(await portOf('postgres', 5432), user, password)).toBe(user)
      expect(await askMysql(await portOf('mysql', 3306), user, password)).toBe(user)
      expect(await askMysql(await portOf('mariadb', 3306), user, password)).toBe(user)
      expect(await askRedis(await portOf('redis', 6379), user, password)).toBe(user)
      expect(await askRedis(await portOf('valkey', 6379), user, password)).toBe(user)
    }
    // As the drill's page says it, at the ports that the engine chose.
    for (const url of [
      `postgres://postgres:rekey-admin@127.0.0.1:${await portOf('postgres', 5432)}/postgres`,
      `mysql://root:rekey-admin@127.0.0.1:${await portOf('mysql', 3306)}`,
      `mariadb://root:rekey-admin@127.0.0.1:${await portOf('mariadb', 3306)}`,
      `redis://default:rekey-admin@127.0.0.1:${await portOf('redis', 6379)}`,
      `valkey://default:rekey-admin@127.0.0.1:${await portOf('valkey', 6379)}`,
    ]) {
      // How much this machine can do is not the question, beside other tests.
      const load = ['--rate', '50', '--max', '6']
      const drill = ['drill', '--url', url, '--yes', '--rotations', '2', '--no-control', ...load]
      const { stdout } = await run('pnpm', drill, { cwd: root })
      expect(stdout).toContain('✓ failed requests: 0')
    }
  } finally {
    holder.stdin.end()
    await ended
  }
  expect(await ask('ps --quiet')).toBe('')
  // Five servers, and five drills one after the other.
}, 300_000)

async function isHealthy(service: string): Promise<boolean> {
  const id = await ask(`ps --quiet ${service}`)
  if (id === '') return false
  const { stdout } = await run('docker', ['inspect', '--format', '{{.State.Health.Status}}', id])
  return stdout.trim() === 'healthy'
}

async function portOf(service: string, port: number): Promise<number> {
  const [host, published] = (await ask(`port ${service} ${port}`)).split(':')
  expect(host).toBe('127.0.0.1')
  return Number(published)
}

async function askPostgres(port: number, user: string, password: string): Promise<string> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'app' })
  try {
    await client.connect()
    const { rows } = await client.query<{ user: string }>('SELECT session_user AS user')
    return rows[0]?.user ?? ''
  } finally {
    await client.end()
  }
}

async function askMysql(port: number, user: string, password: string): Promise<string> {
  const client = await createConnection({
    host: '127.0.0.1',
    port,
    user,
    password,
    database: 'app',
  })
  try {
    const [rows] = await client.query('SELECT substring_index(current_user(), "@", 1) AS user')
    return (rows as { user: string }[])[0]?.user ?? ''
  } finally {
    await client.end()
  }
}

async function askRedis(port: number, username: string, password: string): Promise<string> {
  const redis = new Redis({ host: '127.0.0.1', port, username, password, lazyConnect: true })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await redis.acl('WHOAMI')
  } finally {
    redis.disconnect()
  }
}
