import type { AssertionError } from 'node:assert'
import {
  assertZeroDowntime,
  drill,
  DrillError,
  Recording,
  renderPage,
  type DrillReport,
  type Workload,
} from '@rekey/drill'
import { Pool } from '@rekey/pg'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account, Place, Server } from '../servers/server.ts'
import { until } from '../until.ts'

const pace = { warmUp: 150, steady: 60, queueing: 30, spread: 250 }
const short = { rotations: 2, rate: 50, max: 4, pace }

let server: Server
let place: Place
let accounts: Account[]

beforeAll(async () => {
  server = await connectPostgres(await serverAddress('postgres'))
  place = await server.createPlace({ sessions: 20 })
  accounts = [await place.createAccount(), await place.createAccount()]
})

afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** All of a workload but its pool. */
function rotating(): Pick<Workload<unknown>, 'rotate' | 'sessions'> {
  return {
    async rotate() {
      accounts.reverse()
      accounts[0] = await place.rotate(accounts[0]!)
      return accounts[0]
    },
    async sessions() {
      const counts: Record<string, number> = {}
      for (const { user } of await place.sessions()) counts[user] = (counts[user] ?? 0) + 1
      return counts
    },
  }
}

/** What the assertion says. */
function told(report: DrillReport): string {
  try {
    assertZeroDowntime(report)
  } catch (error) {
    return (error as AssertionError).message
  }
  return ''
}

async function whoAmI(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ user: string }>('SELECT session_user AS user')
  return rows[0]?.user ?? ''
}

/** A service with a pool of rekey. */
function withRekey(): Workload<InstanceType<typeof Pool>> {
  const { host, port, database } = place
  return {
    ...rotating(),
    async open(credentials, onLogin) {
      const connection = { host, port, database, max: short.max }
      const pool = new Pool({ ...connection, credentials, rotation: { spread: 250 } })
      pool.on('connect', onLogin)
      // However long the load takes to fill it: all of them are there to be replaced.
      const clients = await Promise.all(Array.from({ length: short.max }, () => pool.connect()))
      for (const client of clients) client.release()
      return pool
    },
    work: whoAmI,
    close: (pool) => pool.end(),
  }
}

/** No more than drained: on a busy machine the last of the new connections may still be logging in then. */
async function replaced(pool: InstanceType<typeof Pool>): Promise<void> {
  await pool.drained()
  await until('all connections of the pool to be replaced', () => {
    const open = pool.generations.reduce((sum, { idle, lent }) => sum + idle + lent, 0)
    return open === short.max
  })
}

/** The pool that serves a service which makes another one when its credentials change. */
interface Holder {
  pool: pg.Pool
}

function withStock(): Workload<Holder> {
  const { host, port, database } = place
  return {
    ...rotating(),
    name: 'our shop',
    async open(credentials) {
      await credentials.get()
      function connect(): pg.Pool {
        const { user, password } = credentials.current!
        const login = { user, password: password.reveal() }
        return new pg.Pool({ host, port, database, max: short.max, ...login })
      }
      const holder = { pool: connect() }
      credentials.subscribe(() => {
        const old = holder.pool
        holder.pool = connect()
        void old.end()
      })
      return holder
    },
    work: ({ pool }) => pool.query('SELECT pg_sleep(0.02)'),
    close: ({ pool }) => pool.end(),
  }
}

/** What the page says of a workload that counts no logins. */
const uncounted = 'A workload’s logins are counted if its open() calls onLogin; this one has not.'
const circumstances = { command: 'npm test', environment: [] }

function loginsOf({ runs }: Recording): number {
  return runs[0]!.timeline.stretches.reduce((all, { logins }) => all + logins, 0)
}

test('a service with a pool of rekey shows zero downtime', async () => {
  const recording = new Recording()
  const onEvent = recording.add.bind(recording)
  const workload = { ...withRekey(), drained: replaced }
  const report = await drill({ ...short, workload, onEvent })
  expect(report).toMatchObject({ database: 'own', server: 'your workload' })
  expect(report.runs).toMatchObject([{ pool: 'own', rotations: 2, failed: 0, oldSessionsAtEnd: 0 }])
  expect(report.runs[0]!.peakSessions).toBe(short.max)
  assertZeroDowntime(report)
  // Those that it began with, and at least one for each in each rotation.
  const logins = loginsOf(recording)
  expect(logins).toBeGreaterThanOrEqual(short.max * (1 + short.rotations))
  expect(await renderPage(report, recording, circumstances)).not.toContain(uncounted)
})

test('a pool that is not ours is measured as well, and what it loses is told', async () => {
  const impatient = { ...pace, patience: 1_000 }
  const recording = new Recording()
  const onEvent = recording.add.bind(recording)
  const report = await drill({ ...short, pace: impatient, workload: withStock(), onEvent })
  expect(await renderPage(report, recording, circumstances)).toContain(uncounted)
  expect(report.runs[0]!.hung).toBeGreaterThan(0)
  expect(told(report)).toContain(
    'The drill on our shop did not show zero downtime.\nown: hung requests: ',
  )
  expect(told(report)).toMatch(
    /DRILL_HUNG: A request did not come to an end\. \(first: \w+, rotation \d/,
  )
})

test('the assertion names the first request that failed, when, the server’s own words, and the generations', async () => {
  const workload = withRekey()
  // Ends the sessions of the old account in the middle of a rotation, as an operator who does not wait.
  const early: Workload<InstanceType<typeof Pool>> = {
    ...workload,
    work: (pool) => pool.query('SELECT pg_sleep(0.02)'),
    async rotate() {
      for (const session of await place.sessions()) await place.kill(session)
      return workload.rotate()
    },
  }
  const report = await drill({ ...short, rotations: 1, workload: early })
  expect(told(report)).toMatch(
    /57P01: terminating connection due to administrator command \(first: \w+, rotation 1, [\d.]+ s\)\n {4}the pool at that moment: version 1: \d connecting, .*; sessions at the server: \S+/,
  )
})

test('a rotate() that does nothing is a failure, also where it did something before', async () => {
  const { rotate, ...rest } = withRekey()
  let calls = 0
  let last = accounts[0]!
  const lazy = async (): Promise<Account> => {
    calls += 1
    if (calls < 3) last = await rotate()
    return last
  }
  const report = await drill({ ...short, workload: { ...rest, rotate: lazy } })
  expect(report.runs[0]).toMatchObject({ rotations: 1, failed: 0 })
  expect(told(report)).toContain(`own: rotations: 1`)
  expect(told(report)).toContain(
    `DRILL_NOT_ROTATED: rotate() gave what there was before, the same password of ${last.user}: nothing was rotated.`,
  )
})

test('a pool that never takes up what was rotated is not drained', async () => {
  const { host, port, database } = place
  const report = await drill({
    ...{ ...short, drainLimit: 1_000 },
    workload: {
      ...rotating(),
      async open(credentials) {
        const { user, password } = await credentials.get()
        const login = { user, password: password.reveal() }
        return new pg.Pool({ host, port, database, max: short.max, ...login })
      },
      work: whoAmI,
      close: (pool) => pool.end(),
    },
  })
  expect(told(report)).toContain('own: rotations that did not end in time: 1')
  expect(told(report)).toContain(
    `The pool was not drained after 1000 ms (a pool that says nothing of itself; sessions at the server: 4 of ${accounts[1]!.user}`,
  )
})

test('work that never settles is said, and its drill ends', async () => {
  const never = new Promise<never>(() => {})
  const drilling = drill({
    ...{ ...short, pace: { ...pace, patience: 100 } },
    workload: { ...rotating(), open: () => ({}), work: () => never },
  })
  await expect(drilling).rejects.toThrow(/none has come to an end before the first rotation/)
})

test.each<[Partial<Workload<unknown>>, string]>([
  [{ rotate: async () => undefined as never }, 'rotate() must resolve with the new credentials'],
  [
    { rotate: async () => ({ user: 'app', password: '' }) },
    'rotate() must resolve with the new credentials',
  ],
  [{ work: undefined as never }, 'workload.work is undefined; it must be a function.'],
])('%j is no workload', async (given, message) => {
  const workload: Workload<unknown> = {
    ...{ ...rotating(), open: () => ({}), work: async () => {} },
    ...given,
  }
  await expect(drill({ ...short, workload })).rejects.toThrow(DrillError)
  await expect(drill({ ...short, workload })).rejects.toThrow(message)
})

test('a workload beside a scenario is refused', async () => {
  await expect(drill({ workload: withRekey(), scenario: 'leak' })).rejects.toThrow(
    'leave target and scenario out',
  )
})
