// These also run against the official images of Vault and OpenBao: .github/workflows/ci.yml.

import { randomBytes } from 'node:crypto'
import { createCredentials, type Clock, type LoadedCredentials, type Source } from '@rekey/core'
import { fromVaultKv } from '@rekey/core/vault'
import { expect, test } from 'vitest'
import { ShiftedClock } from './shifted-clock.ts'
import { openVault, type VaultNeeds } from './vault.ts'
import { goTheWholeWay } from './whole-way.ts'

async function open(name = 'database', needs: VaultNeeds = {}) {
  const vault = await openVault(needs)
  const path = `${name}-${randomBytes(4).toString('hex')}`
  return {
    vault,
    path,
    write: (password: string) => vault.write(path, { username: 'app', password }),
    [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
  }
}

async function load(source: Source, clock?: Clock): Promise<LoadedCredentials> {
  return source.load({ signal: AbortSignal.timeout(60_000), ...(clock && { clock }) })
}

test('the newest version comes with its number, and with the one before it, which is asked for once', async () => {
  await using stage = await open()
  const { vault, path, write } = stage
  await write('one')
  const source = fromVaultKv(path, vault.withToken)
  const first = { user: 'app', password: 'one', version: '1' }
  expect(await load(source)).toEqual(first)
  await write('two')
  const second = { user: 'app', password: 'two', version: '2', previous: first }
  expect(await load(source)).toEqual(second)
  expect(await load(source)).toEqual(second)
  expect(vault.asked).toEqual(Array.from({ length: 4 }, () => `secret/data/${path}`))
})

test('a path may hold what a URL may not', async () => {
  await using stage = await open('team a/100 %?#über')
  const { vault, path, write } = stage
  await write('one')
  const source = fromVaultKv(path, await vault.makeLogin())
  expect(await load(source)).toMatchObject({ user: 'app', password: 'one' })
})

test('three rotations under load, no request fails', async () => {
  await using stage = await open()
  const { vault, path } = stage
  await goTheWholeWay({
    source: fromVaultKv(path, await vault.makeLogin()),
    publish: ({ user, password }) => vault.write(path, { username: user, password }),
  })
})

test('a version that was deleted leaves the last good pair serving', async () => {
  await using stage = await open()
  const { vault, path, write } = stage
  await write('one')
  await using cache = createCredentials(fromVaultKv(path, vault.withToken), {
    overlap: 60_000,
    jitter: 0,
  })
  await cache.get()
  await write('two')
  await vault.deleteLatest(path)
  const missing = { code: 'ERR_REKEY_LOAD', given: 'not found' }
  await expect(cache.refresh()).rejects.toMatchObject(missing)
  expect(cache.current?.password.reveal()).toBe('one')
})

test('a namespace goes with every question', async () => {
  await using stage = await open('database', { namespace: true })
  const { vault, path, write } = stage
  await write('one')
  const own = await vault.makeLogin()
  expect(await load(fromVaultKv(path, own))).toMatchObject({ user: 'app', password: 'one' })
  // In the root there is none of this name.
  const { address, token } = vault.withToken
  const missing = { code: 'ERR_REKEY_LOAD', given: 'not found' }
  await expect(load(fromVaultKv(path, { address, token }))).rejects.toMatchObject(missing)
})

test('a login is used until two thirds of its token’s life, then renewed, and replaced if it was revoked', async () => {
  await using stage = await open()
  const { vault, path, write } = stage
  await write('one')
  const options = await vault.makeLogin()
  const source = fromVaultKv(path, options)
  const clock = new ShiftedClock()
  const login = options.login?.path
  const logins = () => vault.asked.filter((asked) => asked.startsWith('auth/'))
  await load(source, clock)
  clock.shift(39 * 60_000)
  await load(source, clock)
  expect(logins()).toEqual([login])
  clock.shift(60_000)
  await load(source, clock)
  expect(logins()).toEqual([login, 'auth/token/renew-self'])
  await vault.revokeLogins()
  expect(await load(source, clock)).toMatchObject({ password: 'one' })
  expect(logins()).toEqual([login, 'auth/token/renew-self', login])
})

test('a token that is wrong is told as forbidden; where one may not read, one other login is tried, not one after the other', async () => {
  await using stage = await open()
  const { vault, path, write } = stage
  await write('one')
  const forbidden = { code: 'ERR_REKEY_LOAD', given: 'forbidden' }
  const wrong = fromVaultKv(path, { ...vault.withToken, token: 'hvs.wrong' })
  await expect(load(wrong)).rejects.toMatchObject(forbidden)
  const options = await vault.makeLogin()
  const elsewhere = fromVaultKv(path, { ...options, mount: 'private' })
  await expect(load(elsewhere)).rejects.toMatchObject(forbidden)
  expect(vault.asked.filter((asked) => asked === options.login?.path)).toHaveLength(2)
})
