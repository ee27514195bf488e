import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DrillCommand, isRunning, until } from './command.ts'

test('rekey passes, the stock pool fails, and the report has its shape', async () => {
  const json = join(tmpdir(), `drill-${process.pid}.json`)
  try {
    using drill = new DrillCommand('--rotations', '2', '--max', '8', '--json', json)
    const code = await drill.exit()
    expect(drill.stdout + drill.stderr).toContain('Passed.')
    expect(code).toBe(0)
    expect(drill.left).toEqual([])

    const latency = { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) }
    const shape = {
      rotations: 2,
      started: expect.any(Number),
      settled: expect.any(Number),
      errors: expect.any(Array),
      latencyMs: { steady: latency, rotating: latency },
      peakSessions: expect.any(Number),
      maxSessions: 8,
      secretsLeaked: 0,
    }
    const report = JSON.parse(readFileSync(json, 'utf8'))
    expect(report).toEqual({
      database: 'postgres',
      server: expect.stringMatching(/^PostgreSQL \d+\.\d+$/),
      runs: [
        { ...shape, pool: 'rekey', failed: 0, hung: 0, errors: [], oldSessionsAtEnd: 0 },
        {
          ...shape,
          pool: 'stock',
          failed: 0,
          hung: expect.any(Number),
          oldSessionsAtEnd: expect.any(Number),
        },
      ],
    })
    const [rekey, stock] = report.runs
    expect(rekey.settled).toBe(rekey.started)
    expect(rekey.peakSessions).toBe(8)
    expect(stock.hung).toBeGreaterThan(0)
  } finally {
    rmSync(json, { force: true })
  }
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s under load leaves no server and no folder', async (signal, code) => {
  using drill = new DrillCommand('--no-control')
  await until(() => drill.stdout.includes('rotation  1'))
  const { server } = drill
  expect(isRunning(server ?? 0)).toBe(true)
  drill.kill(signal)
  expect(await drill.exit()).toBe(code)
  expect(drill.left).toEqual([])
  expect(isRunning(server ?? 0)).toBe(false)
  expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
})

test('SIGINT while the server starts leaves none', async () => {
  using drill = new DrillCommand()
  await until(() => drill.left.length > 0)
  drill.kill('SIGINT')
  expect(await drill.exit()).toBe(130)
  expect(drill.left).toEqual([])
})

test('kill -9 leaves no server and no folder either', async () => {
  using drill = new DrillCommand('--no-control')
  await until(() => drill.stdout.includes('rotation  1'))
  const { server } = drill
  drill.kill('SIGKILL')
  expect(await drill.exit()).toBe('SIGKILL')
  await until(() => drill.left.length === 0)
  expect(isRunning(server ?? 0)).toBe(false)
})

test('SIGINT while callers are queueing in a rotation leaves nothing and says nothing else', async () => {
  using drill = new DrillCommand('--no-control', '--max', '4')
  await until(() => drill.stdout.includes('rekey: '))
  // Warm-up and quiet time take 1.2 seconds, and the queueing half a second from then on.
  await sleep(1_500)
  drill.kill('SIGINT')
  expect(await drill.exit()).toBe(130)
  expect(drill.stderr).toBe('Interrupted; what the drill had made is removed.\n')
  expect(drill.stdout).not.toContain('drained')
  expect(drill.left).toEqual([])
})

test('a server that dies ends the drill with an error, and leaves nothing', async () => {
  using drill = new DrillCommand('--no-control')
  await until(() => drill.stdout.includes('rotation  1'))
  process.kill(drill.server ?? NaN, 'SIGKILL')
  expect(await drill.exit()).toBe(1)
  expect(drill.stderr).toMatch(/^drill: The (server|sessions) .*\n$/)
  expect(drill.left).toEqual([])
})

test.each([
  [['mysql'], 'mysql is not in this version'],
  [['--rotations', 'many'], '--rotations is "many"'],
  [['--json', '/nowhere/at/all.json'], '--json: /nowhere/at/all.json cannot be written.'],
])('%j is refused before anything is started', async (parameters, message) => {
  using drill = new DrillCommand(...parameters)
  expect(await drill.exit()).toBe(2)
  expect(drill.stderr).toContain(message)
  expect(drill.stdout).toBe('')
})

test('a server that cannot be reached is said in one line, without the password', async () => {
  using drill = new DrillCommand('--url', 'postgres://admin:hunter2@127.0.0.1:1/app')
  expect(await drill.exit()).toBe(1)
  expect(drill.stderr).toMatch(
    /^drill: The server could not be reached at 127\.0\.0\.1:1 as admin: .*\n$/,
  )
  expect(drill.stderr).not.toContain('hunter2')
})

test('--help explains and succeeds', async () => {
  using drill = new DrillCommand('--help')
  expect(await drill.exit()).toBe(0)
  expect(drill.stdout).toContain('--no-control')
})
