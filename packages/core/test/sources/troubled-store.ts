// What every source of a store that is asked over HTTP is tried with.

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials, type CredentialsOptions, type Source } from '../../src/index.ts'
import { listen, rejection } from '../listen.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { HttpStore } from './http-store.ts'

interface Tried {
  make: (store: HttpStore) => Source
  timings?: CredentialsOptions
}

/** A store that never answers. */
export function tryHang({ make, timings, name = 'a store' }: Tried & { name?: string }): void {
  test(`${name} that hangs is left at the deadline, and its request is taken back`, async () => {
    const store = await HttpStore.start()
    store.answer = 'hangs'
    const clock = new VirtualClock()
    await using cache = createCredentials(make(store), { ...timings, clock })
    listen('rekey:refresh-error')
    const refused = rejection(cache.get())
    await expect.poll(() => store.requests.length).toBe(1)
    await clock.advance(cache.timings.loadDeadline)
    expect(await refused).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
    await expect.poll(() => store.requests[0]?.destroyed).toBe(true)
  })
}

/** A store that says what its own client cannot read, and quotes. */
export function tryUnreadable({ make, timings, place }: Tried & { place: string }): void {
  test.each([
    [200, 'hunter2', { code: 'ERR_REKEY_ANSWER', given: 'no JSON' }],
    [200, '{"value": hunter2', { code: 'ERR_REKEY_ANSWER', given: 'no JSON' }],
    [503, '<p>hunter2', { code: 'ERR_REKEY_LOAD', given: 'throttled' }],
  ])(
    'an answer with the status %i that is %s is told without a word of it',
    async (status, body, told) => {
      const store = await HttpStore.start()
      store.answer = { status, body }
      await using cache = createCredentials(make(store), timings)
      listen('rekey:refresh-error')
      const error = await rejection(cache.get())
      expect(error).toMatchObject({ ...told, option: place })
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
    },
  )
}
