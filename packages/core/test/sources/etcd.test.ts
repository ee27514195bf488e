import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createCredentials } from '../../src/index.ts'
import { fromEtcd } from '../../src/sources/etcd.ts'
import { listen, rejection } from '../listen.ts'
import { HttpStore } from './http-store.ts'
import { tryHang } from './troubled-store.ts'

const overlap = 60_000

function range(value: string): object {
  const kvs = [{ value: Buffer.from(value).toString('base64'), mod_revision: '5' }]
  return { header: { revision: '9' }, kvs }
}

test.each([
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'not found'],
  [400, 'unusable settings'],
  [429, 'throttled'],
  [503, 'throttled'],
  [500, 'an error of the store'],
])(
  'a status of %i is told as what it is, and the last good pair serves on',
  async (status, given) => {
    const store = await HttpStore.start()
    store.answers = [range('{ "user": "app", "password": "hunter2" }')]
    store.json(status, { message: 'hunter2' })
    const reports = listen('rekey:refresh-error')
    await using cache = createCredentials(fromEtcd('db', { address: `${store.url}/` }), { overlap })
    await cache.get()
    const error = await rejection(cache.refresh())
    expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: 'db', given })
    expect(cache.current).toMatchObject({ user: 'app', version: '5' })
    expect(inspect([error, reports], { depth: 10, showHidden: true })).not.toContain('hunter2')
  },
)

test.each([
  ['no such key', { header: { revision: '9' } }, 'ERR_REKEY_LOAD'],
  ['a value that is no JSON', range('hunter2'), 'ERR_REKEY_ANSWER'],
  ['a value without a user', range('{ "password": "hunter2" }'), 'ERR_REKEY_ANSWER'],
  ['10 MB', range('hunter2'.repeat(1_500_000)), 'ERR_REKEY_ANSWER'],
])('%s is told without a word of it', async (_what, answer, code) => {
  const store = await HttpStore.start()
  store.json(200, answer)
  listen('rekey:refresh-error')
  await using cache = createCredentials(fromEtcd('db', { address: store.url }), { overlap })
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

tryHang({ make: ({ url }) => fromEtcd('db', { address: url }), timings: { overlap } })

test.each(['hunter2', '{ "result": hunter2', 'null'])(
  'a watch that says %s is told without a word of it, and the source is polled on',
  async (line) => {
    const store = await HttpStore.start()
    store.byPath.set('/v3/watch', { status: 200, body: `${line}\n` })
    store.json(200, range('{ "user": "app", "password": "pw" }'))
    const reports = listen('rekey:refresh-error')
    await using cache = createCredentials(fromEtcd('db', { address: store.url }), { overlap })
    await cache.get()
    await expect.poll(() => reports.length).toBeGreaterThan(0)
    expect(reports[0]?.error).toMatchObject({ message: expect.stringMatching(/^etcd /) as string })
    expect(inspect(reports, { depth: 10, showHidden: true })).not.toContain('hunter2')
  },
)

test('a watch that is refused has the key asked for again', async () => {
  const store = await HttpStore.start()
  store.byPath.set('/v3/watch', { status: 401, body: '' })
  store.json(200, range('{ "user": "app", "password": "pw" }'))
  listen('rekey:refresh-error')
  const source = fromEtcd('db', { address: store.url, spread: 0 })
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  const asked = () => store.requests.filter(({ url }) => url === '/v3/kv/range').length
  // The key, what it held before, and the key again.
  await expect.poll(asked).toBeGreaterThanOrEqual(3)
})

test.each<[string, () => unknown, string]>([
  ['no key', () => fromEtcd('', { address: 'http://e' }), 'key'],
  ['no address', () => fromEtcd('db', {} as never), 'address'],
  ['an address that is none', () => fromEtcd('db', { address: 'etcd:2379' }), 'address'],
  [
    'a spread that is negative',
    () => fromEtcd('db', { address: 'http://e', spread: -1 }),
    'spread',
  ],
])('%s is refused at once', (_what, make, option) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
