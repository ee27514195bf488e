import {
  assertZeroDowntime,
  controlFailed,
  drill,
  mysql,
  postgres,
  redis,
  type RedisTargetOptions,
  type ScenarioName,
  type StartTarget,
} from '@rekey/drill'
import { describe, expect, test } from 'vitest'
import { scenarioNames, scenarios, scenariosOf } from '../../packages/drill/src/scenarios/index.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { targets, urlOf, type Name } from './shared-server.ts'

/** As short as a rotation can be that others have to notice. */
const pace = { warmUp: 200, steady: 60, queueing: 30, spread: 250, held: 330, trouble: 350 }
const short = { rotations: 1, rate: 50, max: 6 }

/** A server that all tests share, but where it is killed. */
async function targetFor(name: Name, scenario: ScenarioName): Promise<StartTarget> {
  return targets[name](scenarios[scenario].ownServer ? {} : { url: await urlOf(name) })
}

const underSentinel: StartTarget = redis({ topology: 'sentinel' })
const inCluster: StartTarget = redis({ topology: 'cluster' })

const cases = (Object.keys(targets) as Name[]).flatMap((name) =>
  scenariosOf(name, { isOwn: true }).map((scenario) => ({ name, scenario })),
)

describe.concurrent('zero downtime', () => {
  test.each(cases)('$name, $scenario', async ({ name, scenario }) => {
    const target = await targetFor(name, scenario)
    // It takes a server as long to come back as the machine is busy.
    const report = await drill({
      ...{ ...short, target, scenario, pace, control: false },
      drainLimit: 120_000,
    })
    assertZeroDowntime(report)
    expect(report.scenario ?? 'alternating-users').toBe(scenario)
  })

  test('redis under Sentinel, failover', async () => {
    const options = { ...short, pace, control: false, drainLimit: 120_000 }
    const report = await drill({ ...options, target: underSentinel, scenario: 'failover' })
    assertZeroDowntime(report)
    expect(report.server).toMatch(/^Redis \S+ under Sentinel$/)
  })

  test('a Redis Cluster, failover and back', async () => {
    const report = await drill({
      ...{ ...short, pace, control: false, drainLimit: 120_000 },
      ...{ target: inCluster, scenario: 'failover', rotations: 2, max: 14 },
    })
    assertZeroDowntime(report)
    expect(report.server).toMatch(/^Redis \S+ Cluster$/)
  })
})

/** What hangs need not be waited for in a pool that is to fail. */
const impatient = { ...pace, patience: 1_500 }

describe.concurrent('the stock pool fails', () => {
  test.each([
    ...scenarioNames.map((scenario) => ({
      scenario,
      name: (scenario === 'dual-password' ? 'mariadb' : 'postgres') as Name,
    })),
    { scenario: 'failover', name: 'redis' } as const,
  ])('$name, $scenario', async ({ name, scenario }) => {
    const start = await targetFor(name, scenario)
    const report = await drill({
      ...{ ...short, scenario, pace: impatient, control: false },
      // In the place of ours.
      async target(needs) {
        const target = await start(needs)
        return { ...target, openPool: (_, options) => target.openPool('stock', options) }
      },
    })
    const [run] = report.runs
    expect(run !== undefined && controlFailed(run)).toBe(true)
    // What it lets go of still counts, and it opens others at once.
    if (scenario === 'slow-close') expect(run?.peakSessions).toBeGreaterThan(short.max)
    expect(() => assertZeroDowntime(report)).toThrow('rekey: ')
  })
})

test('a scenario that a database cannot have is refused with the reason', async () => {
  const target = postgres({ url: await urlOf('postgres') })
  await expect(drill({ ...short, target, scenario: 'dual-password' })).rejects.toThrow(
    /^There is no dual-password on PostgreSQL \S+: a role has one password\.$/,
  )
})

test('what a pool says last cannot be held up on its way to several servers, which is said', async () => {
  const start = redis({ url: await urlOf('redis') })
  const drilling = drill({
    ...{ ...short, scenario: 'slow-close' },
    target: async (needs) => ({ ...(await start(needs)), wire: undefined }),
  })
  await expect(drilling).rejects.toThrow(
    /^There is no slow-close on Redis \S+: the drill stands between a pool and one server\.$/,
  )
})

test.each([
  [{ topology: 'ring' }, 'topology is "ring"; it must be single or sentinel or cluster.'],
  [{ topology: 'sentinel', url: 'redis://host' }, 'topology is "sentinel"; it is how the drill'],
])('%o is refused', (options, message) => {
  expect(() => redis(options as RedisTargetOptions)).toThrow(message)
})

test('a ceiling under which a Cluster has no client for reads that block is refused', async () => {
  await expect(drill({ ...short, target: inCluster })).rejects.toThrow(
    /^max is 6; a Cluster of redis needs 14 or more: /,
  )
})

test('a drill that is told to end while the store is down ends in order', async () => {
  const abort = new AbortController()
  const enough = new Error('enough')
  const drilling = drill({
    ...{ ...short, control: false, scenario: 'store-down', signal: abort.signal },
    target: postgres({ url: await urlOf('postgres') }),
    pace: { ...pace, trouble: 60_000 },
    onEvent({ type }) {
      // The store has been told to refuse by then, and the pool to ask it.
      if (type === 'rotating') setTimeout(() => abort.abort(enough), pace.queueing + 300)
    },
  })
  await expect(drilling).rejects.toBe(enough)
})

test('a server that is not the drill’s own is not killed', async () => {
  const target = postgres({ url: await urlOf('postgres') })
  await expect(drill({ ...short, target, scenario: 'failover' })).rejects.toThrow(
    /^There is no failover on this PostgreSQL \S+: it kills the server, /,
  )
})

test('what a pool says last cannot be held up through TLS, which is said', async () => {
  const { ca } = await serverAddress('mysql')
  const ssl = encodeURIComponent(JSON.stringify({ ca }))
  const target = mysql({ url: `${await urlOf('mysql')}?ssl=${ssl}` })
  await expect(drill({ ...short, target, scenario: 'slow-close' })).rejects.toThrow(
    /^There is no slow-close on MySQL \S+ through TLS: /,
  )
})
