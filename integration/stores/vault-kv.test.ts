// These also run against the official images of Vault and OpenBao: .github/workflows/ci.yml.

import { randomBytes } from 'node:crypto'
import { createCredentials, type LoadedCredentials } from '@rekey/core'
import { fromVaultKv, type VaultKvOptions } from '@rekey/core/vault'
import { expect, test } from 'vitest'
import { openVault } from './vault.ts'
import { goTheWholeWay } from './whole-way.ts'

const signal = AbortSignal.timeout(60_000)

async function open(name = 'database') {
  const vault = await openVault()
  const path = `${name}-${randomBytes(4).toString('hex')}`
  const { address, rootToken: token } = vault
  const login = await vault.makeLogin()
  return {
    vault,
    write: (password: string) => vault.write(path, { username: 'app', password }),
    publish: (fields: object) => vault.write(path, { ...fields }),
    deleteLatest: () => vault.deleteLatest(path),
    withToken: (more: Partial<VaultKvOptions> = {}) =>
      fromVaultKv(path, { address, token, ...more }),
    withLogin: (more: Partial<VaultKvOptions> = {}) =>
      fromVaultKv(path, { address, login, ...more }),
  }
}

type Source = ReturnType<typeof fromVaultKv>
const load = async (source: Source): Promise<LoadedCredentials> => source.load({ signal })

test('the newest version comes with its number, and with the one before it', async () => {
  const { write, withToken } = await open()
  await write('one')
  const source = withToken()
  const first = { user: 'app', password: 'one', version: '1' }
  expect(await load(source)).toEqual(first)
  await write('two')
  const second = { user: 'app', password: 'two', version: '2', previous: first }
  expect(await load(source)).toEqual(second)
  expect(await load(source)).toEqual(second)
})

test('a path may hold what a URL may not', async () => {
  const { write, withLogin } = await open('team a/100 %?#über')
  await write('one')
  expect(await load(withLogin())).toMatchObject({ user: 'app', password: 'one' })
})

test('three rotations under load, no request fails', async () => {
  const { publish, withLogin } = await open()
  await goTheWholeWay({
    source: withLogin(),
    publish: ({ user, password }) => publish({ username: user, password }),
  })
})

test('a version that was deleted leaves the last good pair serving', async () => {
  const { write, deleteLatest, withToken } = await open()
  await write('one')
  await using cache = createCredentials(withToken(), { overlap: 60_000 })
  await cache.get()
  await write('two')
  await deleteLatest()
  const missing = { code: 'ERR_REKEY_LOAD', given: 'not found' }
  await expect(cache.refresh()).rejects.toMatchObject(missing)
  expect(cache.current?.password.reveal()).toBe('one')
})

test('a token that was revoked is replaced by another login', async () => {
  const { vault, write, withLogin } = await open()
  await write('one')
  const source = withLogin()
  await load(source)
  await vault.revokeLogins()
  expect(await load(source)).toMatchObject({ password: 'one' })
})

test('a token that is wrong, and one that may not read, are told as forbidden', async () => {
  const { write, withToken, withLogin } = await open()
  await write('one')
  const forbidden = { code: 'ERR_REKEY_LOAD', given: 'forbidden' }
  await expect(load(withToken({ token: 'hvs.wrong' }))).rejects.toMatchObject(forbidden)
  await expect(load(withLogin({ mount: 'private' }))).rejects.toMatchObject(forbidden)
})
