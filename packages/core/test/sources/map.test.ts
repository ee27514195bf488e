import { expect, test } from 'vitest'
import { createCredentials, fromFunction, map } from '../../src/index.ts'
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

test('what is no function is refused', () => {
  expect(() => map(source, 'upper' as never)).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'make', given: 'a string' }),
  )
})
