import { readFile } from 'node:fs/promises'
import {
  assertZeroDowntime,
  controlFailed,
  drill,
  postgres,
  type ScenarioName,
  type StartTarget,
} from '@rekey/drill'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverAddress } from '../../servers/on-demand.ts'
import type { ServerAddress } from '../../servers/server.ts'
import { DrillCommand } from '../command.ts'
import { startPgBouncer, type PgBouncer } from './start.ts'

const pace = { warmUp: 200, steady: 60, queueing: 30, spread: 250, held: 330, trouble: 350 }
const short = { rotations: 1, rate: 50, max: 6, pace, control: false }
const modes = ['transaction', 'session'] as const
type Mode = (typeof modes)[number]

let server: ServerAddress
let printed: string
const running = new Map<Mode, PgBouncer>()

beforeAll(async () => {
  server = await serverAddress('postgres')
  const page = new URL('../../../packages/drill/PGBOUNCER.md', import.meta.url)
  printed = /^```ini\n(.*?)^```$/ms.exec(await readFile(page, 'utf8'))![1]!
  for (const mode of modes) {
    const settings = printed.replace('pool_mode = transaction', `pool_mode = ${mode}`)
    running.set(mode, await startPgBouncer(settings, server))
  }
}, 120_000)

afterAll(async () => {
  for (const bouncer of running.values()) await bouncer[Symbol.asyncDispose]()
})

function urlOf(bouncer: PgBouncer): string {
  const { user, password } = server
  return `postgres://${user}:${password}@127.0.0.1:${bouncer.port}/postgres`
}

function through(bouncer: PgBouncer): StartTarget {
  return postgres({ url: urlOf(bouncer) })
}

describe.concurrent('zero downtime', () => {
  test.each<{ mode: Mode; scenario: ScenarioName }>([
    { mode: 'transaction', scenario: 'alternating-users' },
    { mode: 'session', scenario: 'alternating-users' },
    // A login is refused, in words of PgBouncer's own.
    { mode: 'transaction', scenario: 'store-behind' },
    // Clients are killed.
    { mode: 'session', scenario: 'revoke-early' },
  ])('$mode mode, $scenario', async ({ mode, scenario }) => {
    const report = await drill({ ...short, target: through(running.get(mode)!), scenario })
    assertZeroDowntime(report)
    const behind = new RegExp(
      String.raw`^PostgreSQL \S+ behind PgBouncer 1\.2\d\.\d+ \(${mode} mode\)$`,
    )
    expect(report.server).toMatch(behind)
    expect(report.runs[0]?.peakSessions).toBe(short.max)
  })
})

test('the command needs no more than the URL', async () => {
  const url = urlOf(running.get('transaction')!)
  const light = ['--no-control', '--rotations', '1', '--rate', '50', '--max', '6']
  // Other tests may have as many sessions as a live system.
  using command = new DrillCommand('--url', url, '--yes', '--i-know', ...light)
  expect(await command.exit(), command.stdout + command.stderr).toBe(0)
  expect(command.stdout).toMatch(/^PostgreSQL \S+ behind PgBouncer \S+ \(transaction mode\)$/m)
})

test('the stock pool fails', async () => {
  const start = through(running.get('transaction')!)
  const report = await drill({
    ...{ ...short, pace: { ...pace, patience: 1_500 } },
    // In the place of ours.
    async target(needs) {
      const target = await start(needs)
      return { ...target, openPool: (_, options) => target.openPool('stock', options) }
    },
  })
  expect(report.runs.map(controlFailed)).toEqual([true])
})

test('PgBouncer keeps sessions of the old account, which are none of the pool’s', async () => {
  const { host, port, user, password } = server
  const direct = new pg.Client({ host, port, user, password, database: 'postgres' })
  await direct.connect()
  const start = through(running.get('transaction')!)
  /** Of each account that is locked, the first after the drain. */
  const kept: number[] = []
  const report = await drill({
    ...short,
    async target(needs) {
      const target = await start(needs)
      return {
        ...target,
        async revoke(account) {
          const query = 'SELECT FROM pg_stat_activity WHERE usename = $1'
          kept.push((await direct.query(query, [account])).rows.length)
          await target.revoke(account)
        },
      }
    },
  })
  await direct.end()
  expect(report.runs[0]?.oldSessionsAtEnd).toBe(0)
  expect(kept[0]).toBeGreaterThan(0)
})

test('a changed password counts at once, and so does NOLOGIN; the refusal is 08P01', async () => {
  const { user, password } = server
  const at = { host: '127.0.0.1', port: running.get('transaction')!.port, database: 'postgres' }
  const login = async (as: pg.ClientConfig): Promise<pg.Client> => {
    const client = new pg.Client({ ...at, ...as })
    await client.connect()
    return client
  }
  const admin = await login({ user, password })
  const account = 'pgbouncer_test'
  const refused = { code: '08P01', message: 'SASL authentication failed' }
  try {
    await admin.query(`CREATE ROLE ${account} LOGIN PASSWORD 'one'`)
    await (await login({ user: account, password: 'one' })).end()
    await admin.query(`ALTER ROLE ${account} PASSWORD 'two'`)
    await expect(login({ user: account, password: 'one' })).rejects.toMatchObject(refused)
    await (await login({ user: account, password: 'two' })).end()
    await admin.query(`ALTER ROLE ${account} NOLOGIN`)
    await expect(login({ user: account, password: 'two' })).rejects.toMatchObject(refused)
  } finally {
    await admin.query(`DROP ROLE ${account}`)
    await admin.end()
  }
})

test('who may not ask PgBouncer for its clients is told so, and nothing is made', async () => {
  const settings = printed.replace(/^admin_users.*\n/m, '')
  await using bouncer = await startPgBouncer(settings, server)
  await expect(drill({ ...short, target: through(bouncer) })).rejects.toThrow(
    /^There is a pooler at 127\.0\.0\.1:\d+, and the drill cannot count its clients: .*\nWhere it is PgBouncer, put \w+ into its admin_users/,
  )
})
