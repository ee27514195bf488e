import { randomBytes } from 'node:crypto'
import { createCredentials, type CredentialsOptions } from '@rekey/core'
import { fromEtcd } from '@rekey/core/etcd'
import { expect, onTestFinished, test } from 'vitest'
import { startProxy } from '../servers/proxy.ts'
import { until } from '../until.ts'
import { startStore } from './start-store.ts'
import { goTheWholeWay } from './whole-way.ts'

const address = await startStore('etcd')
const signal = AbortSignal.timeout(60_000)

/** Polled too seldom for any of these tests: what is noticed was watched. */
const pollsSeldom: CredentialsOptions = { overlap: 24 * 3_600_000, ttl: 3_600_000, jitter: 0 }

async function ask(path: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const headers = token === undefined ? {} : { authorization: token }
  const init = { method: 'POST', body: JSON.stringify(body), headers }
  const response = await fetch(`${address}/v3/${path}`, init)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, unknown>
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** A key of its own. */
class Key {
  readonly name: string

  constructor(name = 'database') {
    this.name = `${name}-${randomBytes(4).toString('hex')}`
  }

  async put(user: string, password: string): Promise<string> {
    const value = base64(JSON.stringify({ user, password }))
    const { header } = await ask('kv/put', { key: base64(this.name), value })
    return (header as { revision: string }).revision
  }
}

test('the version is the revision that changed the key last, and the value before it comes along', async () => {
  const key = new Key()
  const first = await key.put('app', 'one')
  await new Key().put('other', 'x')
  const second = await key.put('app', 'two')
  const source = fromEtcd(key.name, { address })
  const previous = { user: 'app', password: 'one', version: first }
  expect(await source.load({ signal })).toMatchObject({
    user: 'app',
    password: 'two',
    version: second,
    previous,
  })
})

test('a key may hold what a URL may not', async () => {
  const key = new Key('/team a/../100 %?#über')
  await key.put('app', 'one')
  const source = fromEtcd(key.name, { address })
  expect(await source.load({ signal })).toMatchObject({ user: 'app', password: 'one' })
})

test('a key that is not there is told with its name; one that was deleted leaves the last good pair serving', async () => {
  const key = new Key()
  await using cache = createCredentials(fromEtcd(key.name, { address }), pollsSeldom)
  const told = { code: 'ERR_REKEY_LOAD', option: key.name, given: 'not found' }
  await expect(cache.get()).rejects.toMatchObject(told)
  await key.put('app', 'one')
  await cache.refresh()
  await ask('kv/deleterange', { key: base64(key.name) })
  await expect(cache.refresh()).rejects.toMatchObject(told)
  expect(cache.current?.password.reveal()).toBe('one')
})

test('three rotations under load, noticed by the watch alone, no request fails', async () => {
  const key = new Key()
  await goTheWholeWay({
    source: fromEtcd(key.name, { address, spread: 20 }),
    timings: pollsSeldom,
    publish: async ({ user, password }) => void (await key.put(user, password)),
  })
})

test('a change between two connections of the watch is not missed', async () => {
  const { hostname: host, port } = new URL(address)
  await using proxy = await startProxy({ host, port: Number(port) })
  const key = new Key()
  await key.put('app', 'one')
  const source = fromEtcd(key.name, { address: `http://${proxy.host}:${proxy.port}`, spread: 0 })
  await using cache = createCredentials(source, pollsSeldom)
  await cache.get()
  await until('the watch', () => proxy.open >= 2)
  for (let round = 0; round < 5; round += 1) {
    proxy.stall()
    proxy.cut()
    await key.put('app', `lost ${round}`)
    proxy.resume()
    await until('the change', () => cache.current?.password.reveal() === `lost ${round}`)
    await key.put('app', `seen ${round}`)
    await until('the next change', () => cache.current?.password.reveal() === `seen ${round}`)
  }
})

test('a watch that comes back after a compaction asks anew', async () => {
  const { hostname: host, port } = new URL(address)
  await using proxy = await startProxy({ host, port: Number(port) })
  const key = new Key()
  await key.put('app', 'one')
  const source = fromEtcd(key.name, { address: `http://${proxy.host}:${proxy.port}`, spread: 0 })
  await using cache = createCredentials(source, pollsSeldom)
  await cache.get()
  await until('the watch', () => proxy.open >= 2)
  proxy.stall()
  proxy.cut()
  await key.put('app', 'two')
  const revision = await new Key().put('other', 'x')
  await ask('kv/compaction', { revision, physical: true })
  proxy.resume()
  await until('the change', () => cache.current?.password.reveal() === 'two')
  // And it goes on watching.
  await key.put('app', 'three')
  await until('the next change', () => cache.current?.password.reveal() === 'three')
})

test('a watch whose token is no longer known has the source log in again, and no change is missed', async () => {
  const { hostname: host, port } = new URL(address)
  await using proxy = await startProxy({ host, port: Number(port) })
  const key = new Key()
  await key.put('app', 'one')
  const password = randomBytes(8).toString('hex')
  const enterAsRoot = async (): Promise<string> => {
    const { token } = await ask('auth/authenticate', { name: 'root', password })
    return String(token)
  }
  await ask('auth/user/add', { name: 'root', password })
  await ask('auth/role/add', { name: 'root' })
  await ask('auth/user/grant', { user: 'root', role: 'root' })
  await ask('auth/enable', {})
  onTestFinished(async () => {
    await ask('auth/disable', {}, await enterAsRoot())
    await ask('auth/user/delete', { name: 'root' })
    await ask('auth/role/delete', { role: 'root' })
  })
  const through = `http://${proxy.host}:${proxy.port}`
  const login = { name: 'root', password }
  const source = fromEtcd(key.name, { address: through, login, spread: 0 })
  await using cache = createCredentials(source, pollsSeldom)
  await cache.get()
  await until('the watch', () => proxy.open >= 2)
  proxy.stall()
  proxy.cut()
  await ask('auth/disable', {}, await enterAsRoot())
  await key.put('app', 'two')
  await ask('auth/enable', {})
  proxy.resume()
  await until('the change', () => cache.current?.password.reveal() === 'two')
})

test('a cluster with authentication lets the source in, also when its token is no longer known', async () => {
  const key = new Key()
  await key.put('app', 'one')
  const password = randomBytes(8).toString('hex')
  await ask('auth/user/add', { name: 'root', password })
  await ask('auth/role/add', { name: 'root' })
  await ask('auth/user/grant', { user: 'root', role: 'root' })
  await ask('auth/enable', {})
  onTestFinished(async () => {
    const { token } = await ask('auth/authenticate', { name: 'root', password })
    await ask('auth/disable', {}, String(token))
  })
  const source = fromEtcd(key.name, { address, login: { name: 'root', password } })
  expect(await source.load({ signal })).toMatchObject({ user: 'app' })
  const { token } = await ask('auth/authenticate', { name: 'root', password })
  await ask('auth/disable', {}, String(token))
  await ask('auth/enable', {})
  expect(await source.load({ signal })).toMatchObject({ user: 'app' })
  const wrong = fromEtcd(key.name, { address, login: { name: 'root', password: 'wrong' } })
  await expect((async () => wrong.load({ signal }))()).rejects.toMatchObject({
    code: 'ERR_REKEY_LOAD',
  })
  const without = fromEtcd(key.name, { address })
  await expect((async () => without.load({ signal }))()).rejects.toMatchObject({
    code: 'ERR_REKEY_LOAD',
  })
})
