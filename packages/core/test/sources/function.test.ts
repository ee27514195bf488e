import { expect, test, vi } from 'vitest'
import { createCredentials, fromFunction, Secret } from '../../src/index.ts'

test('a function may answer at once or later, with a string or a Secret', async () => {
  for (const load of [
    () => ({ user: 'app', password: 'pw' }),
    async () => ({ user: 'app', password: new Secret('pw') }),
  ]) {
    await using cache = createCredentials(fromFunction(load), { overlap: 60_000 })
    const { user, password } = await cache.get()
    expect([user, password.reveal()]).toEqual(['app', 'pw'])
  }
})

test('a function gets a signal, and a name, defaults and a watch of its own', async () => {
  const load = vi.fn(() => ({ user: 'app', password: 'pw' }))
  const watch = vi.fn()
  const source = fromFunction(load, { name: 'vault', defaults: { overlap: 50_000 }, watch })
  await using cache = createCredentials(source)
  await cache.get()
  expect(load).toHaveBeenCalledExactlyOnceWith({
    signal: expect.any(AbortSignal),
    clock: cache.clock,
  })
  expect(watch).toHaveBeenCalledTimes(1)
  expect([cache.source, cache.timings.overlap]).toEqual(['vault', 50_000])
})

test.each([undefined, null, 'load', { user: 'app' }])('%j is not a function', (load) => {
  expect(() => fromFunction(load as unknown as () => never)).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'load' }),
  )
})
