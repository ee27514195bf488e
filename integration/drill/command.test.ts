import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DrillCommand, isRunning, until } from './command.ts'

/** For what is not about the load: other tests run beside these. */
const light = ['--no-control', '--rate', '50', '--max', '8']

test.concurrent.each([
  // What is in the queue of an ended pool waits for ever with pg, and is refused with mysql2.
  { database: 'postgres', server: /^PostgreSQL \d+\.\d+$/, lost: 'hung' },
  { database: 'mysql', server: /^MySQL 9\.7\.\d+$/, lost: 'failed' },
  { database: 'mariadb', server: /^MariaDB 11\.8\.\d+$/, lost: 'failed' },
  // A transaction that was begun on a connection is not there on the next. The subscriber's next connection may stand
  // beside the old one for less time than there is between two counts.
  { database: 'redis', server: /^Redis 8\.0\.\d+$/, lost: 'failed', sessions: 7 },
  { database: 'valkey', server: /^Valkey 9\.1\.\d+$/, lost: 'failed', sessions: 7 },
])('$database: rekey passes, the stock pool fails, and the report has its shape', async (row) => {
  const { database, server, lost, sessions = 8 } = row
  const all = ['--rotations', '2', '--max', '8']
  const json = join(tmpdir(), `drill-${process.pid}-${database}.json`)
  try {
    using drill = new DrillCommand(database, ...all, '--rate', '100', '--json', json)
    const code = await drill.exit()
    expect(drill.stdout + drill.stderr).toContain('Passed.')
    expect(code).toBe(0)
    expect(drill.left).toEqual([])

    const latency = { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) }
    const shape = {
      rotations: 2,
      started: expect.any(Number),
      settled: expect.any(Number),
      failed: 0,
      hung: 0,
      errors: expect.any(Array),
      latencyMs: { steady: latency, rotating: latency },
      peakSessions: expect.any(Number),
      maxSessions: 8,
      oldSessionsAtEnd: expect.any(Number),
      secretsLeaked: 0,
    }
    const report = JSON.parse(readFileSync(json, 'utf8'))
    expect(report).toEqual({
      database,
      server: expect.stringMatching(server),
      runs: [
        { ...shape, pool: 'rekey', errors: [], oldSessionsAtEnd: 0 },
        { ...shape, pool: 'stock', [lost]: expect.any(Number) },
      ],
    })
    const [rekey, stock] = report.runs
    expect(rekey.settled).toBe(rekey.started)
    expect(rekey.peakSessions).toBeGreaterThanOrEqual(sessions)
    expect(rekey.peakSessions).toBeLessThanOrEqual(8)
    expect(stock[lost]).toBeGreaterThan(0)
  } finally {
    rmSync(json, { force: true })
  }
})

test.concurrent.each([
  ['postgres', 'SIGINT', 130],
  ['postgres', 'SIGTERM', 143],
  ['mysql', 'SIGINT', 130],
  ['mariadb', 'SIGINT', 130],
  ['redis', 'SIGINT', 130],
] as const)('%s: %s under load leaves no server and no folder', async (database, signal, code) => {
  using drill = new DrillCommand(database, ...light)
  await drill.writes('rotation  1')
  const { server } = drill
  expect(isRunning(server ?? 0)).toBe(true)
  drill.kill(signal)
  expect(await drill.exit()).toBe(code)
  expect(drill.left).toEqual([])
  expect(isRunning(server ?? 0)).toBe(false)
  expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
})

test.concurrent('SIGINT while the server starts leaves none', async () => {
  using drill = new DrillCommand()
  await until(() => drill.left.length > 0)
  drill.kill('SIGINT')
  expect(await drill.exit()).toBe(130)
  expect(drill.left).toEqual([])
})

test.concurrent('kill -9 leaves no server and no folder either', async () => {
  using drill = new DrillCommand(...light)
  await drill.writes('rotation  1')
  const { server } = drill
  drill.kill('SIGKILL')
  expect(await drill.exit()).toBe('SIGKILL')
  await until(() => drill.left.length === 0)
  expect(isRunning(server ?? 0)).toBe(false)
})

test.concurrent('SIGINT while callers are queueing in a rotation leaves nothing and says nothing else', async () => {
  using drill = new DrillCommand('--no-control', '--max', '4')
  await drill.writes('rekey: ')
  // Warm-up and quiet time take 1.2 seconds, and the queueing half a second from then on.
  await sleep(1_500)
  drill.kill('SIGINT')
  expect(await drill.exit()).toBe(130)
  expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
  expect(drill.stdout).not.toContain('drained')
  expect(drill.left).toEqual([])
})

test.concurrent.each(['postgres', 'mysql', 'redis'])(
  '%s: a server that dies ends the drill with an error, and leaves nothing',
  async (database) => {
    using drill = new DrillCommand(database, ...light)
    await drill.writes('rotation  1')
    process.kill(drill.server ?? NaN, 'SIGKILL')
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(/^drill: The (server|sessions) .*\n$/)
    expect(drill.left).toEqual([])
  },
)

test.concurrent.each([
  [['oracle'], 'Unknown database "oracle"'],
  [['--scenario', 'store-aheat'], 'did you mean store-ahead?'],
  [['--url', 'postgres://admin@127.0.0.1:1/app'], 'there is no terminal to ask on. Add --yes.'],
  [['--rotations', 'many'], '--rotations is "many"'],
  [['--json', '/nowhere/at/all.json'], '--json: /nowhere/at/all.json cannot be written.'],
])('%j is refused before anything is started', async (parameters, message) => {
  using drill = new DrillCommand(...parameters)
  expect(await drill.exit()).toBe(2)
  expect(drill.stderr).toContain(message)
  expect(drill.stdout).toBe('')
})

test.concurrent.each(['postgres', 'mysql', 'mariadb', 'redis', 'valkey'])(
  '%s: a server that cannot be reached is said in one line, without the password',
  async (database) => {
    const url = `${database}://admin:hunter2@127.0.0.1:1/app`
    using drill = new DrillCommand('--url', url, '--yes')
    expect(await drill.exit()).toBe(1)
    expect(drill.stderr).toMatch(
      /^drill: The server could not be reached at 127\.0\.0\.1:1 as admin: .*\n$/,
    )
    expect(drill.stderr).not.toContain('hunter2')
  },
)

test.concurrent('several scenarios are drilled one after the other on one server, each with its own verdict', async () => {
  const [json, page, ...pages] = ['.json', '.html', '-idle.html', '-leak.html'].map((end) =>
    join(tmpdir(), `drill-${process.pid}-several${end}`),
  ) as [string, string, ...string[]]
  try {
    const files = ['--json', json, '--report', page]
    const two = ['--scenario', 'idle,leak', '--rotations', '1', ...files]
    using drill = new DrillCommand(...two, ...light)
    expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
    expect(drill.stdout).toMatch(/── idle: Nobody asks .*── leak: .*✓ idle\n✓ leak\n$/s)
    expect(drill.left).toEqual([])
    const run = expect.objectContaining({ pool: 'rekey', rotations: 1, failed: 0 })
    const report = { database: 'postgres', server: expect.any(String), runs: [run] }
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual([
      { ...report, scenario: 'idle' },
      { ...report, scenario: 'leak' },
    ])
    expect(existsSync(page)).toBe(false)
    for (const file of pages) {
      expect(readFileSync(file, 'utf8')).toMatch(/1 rotation, not one request lost.*<\/html>\n$/s)
    }
  } finally {
    for (const file of [json, ...pages]) rmSync(file, { force: true })
  }
})

test.concurrent('what cannot be zero is said, and why', async () => {
  const early = ['--scenario', 'revoke-early', '--rotations', '1']
  using drill = new DrillCommand('redis', ...early, ...light)
  expect(await drill.exit(), drill.stdout + drill.stderr).toBe(0)
  expect(drill.stdout).toMatch(/✓ failed requests, but for those that were cut off: 0, and \d+/)
  expect(drill.stdout).toContain('Here zero is impossible')
})

test.concurrent('--list shows every scenario, and where there is no such thing', async () => {
  using drill = new DrillCommand('--list')
  expect(await drill.exit()).toBe(0)
  expect(drill.stdout).toMatch(/^alternating-users +Two accounts take turns/)
  expect(drill.stdout).toMatch(/^dual-password .*\n +Not on postgres: a role has one password\.$/m)
  expect(drill.stdout).toMatch(/^slow-close .*\n +Not with --topology sentinel or cluster: /m)
  expect(drill.stdout).toMatch(/^long-transactions .*\n +Not with --topology cluster: /m)
  expect(drill.stdout).toMatch(/^failover .*\n +Not with --url: it kills /m)
})

test.concurrent('--help explains and succeeds', async () => {
  using drill = new DrillCommand('--help')
  expect(await drill.exit()).toBe(0)
  expect(drill.stdout).toContain('--no-control')
})
