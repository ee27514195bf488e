import { expect, test } from 'vitest'
import {
  combine,
  createCredentials,
  fromFunction,
  map,
  type LoadedCredentials,
  type Source,
} from '../../src/index.ts'
import { notifiedBy } from '../../src/sources/notified-by.ts'
import { listen, rejection } from '../listen.ts'

const pair = { user: 'app', password: 'pw', version: '2' }
const source = fromFunction(
  () => ({ ...pair, previous: { user: 'old', password: 'pw-0', version: '1' } }),
  {
    name: 'store',
    defaults: { overlap: 60_000 },
  },
)

test('each answer, and the pair before it, goes through the function', async () => {
  const mapped = map(source, (loaded) => ({ ...loaded, user: `${loaded.user}@tenant` }))
  await using cache = createCredentials(mapped)
  const previous = { user: 'old@tenant', version: '1' }
  expect(await cache.get()).toMatchObject({ user: 'app@tenant', version: '2', previous })
  expect(cache).toMatchObject({ source: 'store', timings: { overlap: 60_000 } })
})

test('what the function throws fails the load', async () => {
  listen('rekey:refresh-error')
  const failure = new Error('no')
  await using cache = createCredentials(
    map(source, () => {
      throw failure
    }),
  )
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD', cause: failure })
})

test.each<[string, LoadedCredentials]>([
  ['no user', { ...pair, user: '' }],
  ['nothing', undefined as never],
])('where the function answers %s for the newest pair, that is told', async (_what, made) => {
  listen('rekey:refresh-error')
  await using cache = createCredentials(map(source, () => made))
  const told = { code: 'ERR_REKEY_ANSWER', option: 'user' }
  expect(await rejection(cache.get())).toMatchObject(told)
})

test.each<[string, (old: LoadedCredentials) => LoadedCredentials]>([
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['answers no pair', (old) => ({ ...old, user: '' })],
  ['answers nothing', () => undefined as never],
])(
  'where the function %s for the pair before it, the newest serves without',
  async (_how, makeOld) => {
    const mapped = map(source, (loaded) => (loaded.user === 'old' ? makeOld(loaded) : loaded))
    await using cache = createCredentials(mapped)
    expect(await cache.get()).toMatchObject({ user: 'app', version: '2', previous: undefined })
  },
)

/** A store of one's own, whose methods are its class's. */
class Store implements Source {
  readonly name = 'own'
  readonly defaults = { overlap: 60_000 }
  readonly #pair = { user: 'app', password: 'pw' }
  watched = 0

  load(): LoadedCredentials {
    return this.#pair
  }

  watch(): void {
    this.watched += 1
  }
}

test.each<[string, (own: Source) => Source]>([
  ['map', (own) => map(own, (loaded) => loaded)],
  ['notifiedBy', (own) => notifiedBy(own, () => {})],
  ['combine', (own) => combine(own, source)],
])('%s takes an instance of a class', async (_name, wrap) => {
  const store = new Store()
  await using cache = createCredentials(wrap(store))
  expect(await cache.get()).toMatchObject({ user: 'app' })
  expect(store.watched).toBe(1)
})

test('what is no function is refused', () => {
  expect(() => map(source, 'upper' as never)).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'make', given: 'a string' }),
  )
})
