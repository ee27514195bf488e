import { expect, test } from 'vitest'
import {
  combine,
  createCredentials,
  fromFunction,
  type LoadedCredentials,
} from '../../src/index.ts'
import { listen, rejection, warnings } from '../listen.ts'

const overlap = 60_000

/** Two stores, each of which answers or fails as the test says. */
function stores() {
  const answers: Record<'primary' | 'fallback', LoadedCredentials | Error | 'hangs'> = {
    primary: { user: 'app', password: 'one', version: '7' },
    fallback: { user: 'app', password: 'one', version: 'f-1' },
  }
  const asked = { primary: 0, fallback: 0 }
  const source = (name: 'primary' | 'fallback') =>
    fromFunction(
      async () => {
        asked[name] += 1
        const answer = answers[name]
        if (answer === 'hangs') return new Promise<never>(() => {})
        if (answer instanceof Error) throw answer
        return answer
      },
      { name, defaults: { overlap, ttl: name === 'primary' ? 1_000 : 2_000 } },
    )
  return { answers, asked, source: combine(source('primary'), source('fallback'), { after: 50 }) }
}

test('while the primary answers, the fallback is not asked, and the timings are the primary’s', async () => {
  const { source, asked } = stores()
  await using cache = createCredentials(source)
  expect(await cache.get()).toMatchObject({ user: 'app', version: '7' })
  expect(asked).toEqual({ primary: 1, fallback: 0 })
  expect(cache).toMatchObject({ source: 'primary, else fallback', timings: { ttl: 1_000 } })
})

test.each([
  ['fails', new Error('down')],
  ['hangs', 'hangs' as const],
])(
  'where the primary %s at the start, the fallback serves, and that is reported',
  async (_how, answer) => {
    const { source, answers } = stores()
    answers.primary = answer
    const reports = listen('rekey:refresh-error')
    await using cache = createCredentials(source)
    expect((await cache.get()).password.reveal()).toBe('one')
    expect(reports).toMatchObject([{ source: 'primary', failures: 1 }])
  },
)

test('the same pair from the fallback is the same version: nothing is rotated', async () => {
  const { source, answers } = stores()
  listen('rekey:refresh-error')
  await using cache = createCredentials(source)
  await cache.get()
  const changes = listen('rekey:change')
  answers.primary = new Error('down')
  expect(await cache.refresh()).toMatchObject({ version: '7' })
  expect(changes).toEqual([])
})

test('a fallback that lags behind what the primary has had is ignored', async () => {
  const { source, answers } = stores()
  listen('rekey:refresh-error')
  const stale = listen('rekey:stale-answer')
  await using cache = createCredentials(source)
  await cache.get()
  answers.primary = { user: 'app', password: 'two', version: '8' }
  await cache.refresh()
  answers.primary = new Error('down')
  expect(await cache.refresh()).toMatchObject({ version: '8' })
  expect(stale).toMatchObject([{ version: '7', serving: '8' }])
})

test('a pair that only the fallback has is taken up', async () => {
  const { source, answers } = stores()
  listen('rekey:refresh-error')
  await using cache = createCredentials(source)
  await cache.get()
  answers.primary = new Error('down')
  answers.fallback = { user: 'app', password: 'two', version: '3' }
  expect((await cache.refresh()).password.reveal()).toBe('two')
})

test('where both fail the primary’s error is told', async () => {
  const { source, answers } = stores()
  listen('rekey:refresh-error')
  const down = new Error('down')
  answers.primary = down
  answers.fallback = new Error('down too')
  await using cache = createCredentials(source)
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD', cause: down })
})

test('where nobody listens the first failure of the primary is a process warning, the next ones are not', async () => {
  const heard = warnings()
  const { source, answers } = stores()
  await using cache = createCredentials(source)
  await cache.get()
  answers.primary = new Error('down')
  for (let round = 0; round < 3; round += 1) await cache.refresh()
  await expect.poll(() => heard.length).toBe(1)
  expect(heard[0]?.message).toBe('primary failed; fallback stands in. Error: down')
})

test('both are watched', () => {
  const watching: string[] = []
  const source = (name: string) =>
    fromFunction(() => ({ user: 'a', password: 'b' }), { name, watch: () => watching.push(name) })
  const { signal } = new AbortController()
  const both = combine(source('primary'), source('fallback'))
  both.watch?.(() => {}, { signal, onError: () => {} })
  expect(watching).toEqual(['primary', 'fallback'])
})

test.each([[0], [-1], [Number.NaN], ['soon']])('%j as the time after which is refused', (after) => {
  const source = fromFunction(() => ({ user: 'a', password: 'b' }))
  expect(() => combine(source, source, { after: after as number })).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'after' }),
  )
})
