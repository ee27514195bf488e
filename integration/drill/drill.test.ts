import {
  assertZeroDowntime,
  drill,
  mariadb,
  mysql,
  postgres,
  redis,
  valkey,
  type StartTarget,
  type Target,
} from '@rekey/drill'
import { expect, test } from 'vitest'

/** PostgreSQL with something changed. */
function postgresBut(change: (target: Target) => Partial<Target>, start = postgres()): StartTarget {
  return async (needs) => {
    const target = await start(needs)
    return { ...target, ...change(target) }
  }
}

const short = { rotations: 1, rate: 100, max: 6 }

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

test.concurrent.each([{ start: postgres }, { start: mysql }])(
  '$start.name: a pool whose options are changed keeps its old sessions, and their requests fail',
  async ({ start }) => {
    const report = await drill({ ...short, target: start({ recipe: 'mutate-options' }) })
    const [rekey, stock] = report.runs
    expect(rekey).toMatchObject({ failed: 0, hung: 0, oldSessionsAtEnd: 0 })
    expect(stock?.oldSessionsAtEnd).toBeGreaterThan(0)
    expect(() => assertZeroDowntime(report)).not.toThrow()
  },
)

test.concurrent.each(
  [redis, valkey].flatMap((start) =>
    (['mutate-options', 'end-and-new'] as const).map((recipe) => ({ start, recipe })),
  ),
)('$start.name: clients of which people do "$recipe" fail', async ({ start, recipe }) => {
  const report = await drill({ ...short, target: start({ recipe }) })
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
  { start: postgres, code: '53300' },
  { start: mysql, code: 'ER_USER_LIMIT_REACHED' },
  { start: mariadb, code: 'ER_USER_LIMIT_REACHED' },
])('$start.name: a server that grants one session less is heard', async ({ start, code }) => {
  const report = await drill({
    ...short,
    target: (needs) => start()({ ...needs, max: 5 }),
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
  await expect(drill({ ...short, signal: abort.signal, onEvent })).rejects.toThrow('enough')
})
