import {
  assertZeroDowntime,
  drill,
  type StartTarget,
  type StockRecipe,
  type Target,
} from '@rekey/drill'
import { expect, test } from 'vitest'
import { targets, urlOf, type Name } from './shared-server.ts'

/** On a server that is there: that the drill starts its own is tested with the command. */
async function targetIn(name: Name, recipe?: StockRecipe): Promise<StartTarget> {
  return targets[name]({ url: await urlOf(name), recipe })
}

/** PostgreSQL with something changed. */
function postgresBut(change: (target: Target) => Partial<Target>): StartTarget {
  return async (needs) => {
    const start = await targetIn('postgres')
    const target = await start(needs)
    return { ...target, ...change(target) }
  }
}

/** As short as a rotation can be that others have to notice. */
const pace = { warmUp: 200, steady: 60, queueing: 30, spread: 250, held: 330 }
const short = { rotations: 1, rate: 50, max: 6, pace }

test.concurrent('a control that passes makes the drill fail', async () => {
  const start = postgresBut((target) => ({
    openPool: (_, options) => target.openPool('rekey', options),
  }))
  const report = await drill({ ...short, target: start })
  expect(report.runs.map(({ failed, hung }) => [failed, hung])).toEqual([
    [0, 0],
    [0, 0],
  ])
  expect(() => assertZeroDowntime(report)).toThrow('The control passed')
})

test.concurrent.each([{ name: 'postgres' }, { name: 'mysql' }] as const)(
  '$name: a pool whose options are changed keeps its old sessions, and their requests fail',
  async ({ name }) => {
    const report = await drill({ ...short, target: await targetIn(name, 'mutate-options') })
    const [rekey, stock] = report.runs
    expect(rekey).toMatchObject({ failed: 0, hung: 0, oldSessionsAtEnd: 0 })
    expect(stock?.oldSessionsAtEnd).toBeGreaterThan(0)
    expect(() => assertZeroDowntime(report)).not.toThrow()
  },
)

test.concurrent.each(
  (['redis', 'valkey'] as const).flatMap((name) =>
    (['mutate-options', 'end-and-new'] as const).map((recipe) => ({ name, recipe })),
  ),
)('$name: clients of which people do "$recipe" fail', async ({ name, recipe }) => {
  const report = await drill({ ...short, target: await targetIn(name, recipe) })
  const [rekey, stock] = report.runs
  expect(rekey).toMatchObject({ failed: 0, hung: 0, oldSessionsAtEnd: 0 })
  if (recipe === 'mutate-options') expect(stock?.oldSessionsAtEnd).toBe(short.max - 1)
  else expect(stock?.failed).toBeGreaterThan(0)
  expect(() => assertZeroDowntime(report)).not.toThrow()
})

test.concurrent('a store that never changes fails the drill', async () => {
  const start = postgresBut((target) => ({
    openPool(kind, options) {
      const first = options.login
      return target.openPool(kind, { ...options, load: () => first })
    },
  }))
  const report = await drill({ ...short, target: start, control: false })
  expect(report.runs[0]?.oldSessionsAtEnd).toBe(6)
  expect(() => assertZeroDowntime(report)).toThrow(/every generation served: 1 of 2/)
})

test.concurrent('a rotation that does nothing at the server fails the drill', async () => {
  const start = postgresBut((target) => {
    let allowed = false
    return {
      async allow(login) {
        if (!allowed) await target.allow(login)
        allowed = true
      },
    }
  })
  const report = await drill({ ...short, target: start, control: false, drainLimit: 3_000 })
  expect(() => assertZeroDowntime(report)).toThrow(/rotations that did not end in time: 1/)
  // One slot may be with a candidate that is being refused again.
  expect(report.runs[0]?.oldSessionsAtEnd).toBeGreaterThanOrEqual(5)
})

test.concurrent.each([
  { name: 'postgres', code: '53300' },
  { name: 'mysql', code: 'ER_USER_LIMIT_REACHED' },
  { name: 'mariadb', code: 'ER_USER_LIMIT_REACHED' },
] as const)('$name: a server that grants one session less is heard', async ({ name, code }) => {
  const start = await targetIn(name)
  const report = await drill({
    ...short,
    target: (needs) => start({ ...needs, max: 5 }),
    control: false,
  })
  expect(report.runs[0]?.errors).toEqual(
    expect.arrayContaining([expect.objectContaining({ code })]),
  )
})

test.concurrent('an aborted drill rejects with the reason', async () => {
  const abort = new AbortController()
  const reason = new Error('enough')
  const onEvent = (): void => abort.abort(reason)
  const target = await targetIn('postgres')
  await expect(drill({ ...short, target, signal: abort.signal, onEvent })).rejects.toThrow('enough')
})
