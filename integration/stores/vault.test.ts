import {
  createCredentials,
  type CredentialsOptions,
  type LoadedCredentials,
  type Source,
} from '@rekey/core'
import {
  fromVaultDynamicRole,
  fromVaultKv,
  fromVaultStaticRole,
  type VaultOptions,
} from '@rekey/core/vault'
import { Pool } from '@rekey/pg'
import { expect, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, userOf } from '../pg/stage.ts'
import { until } from '../until.ts'
import { VaultServer, type VaultServerOptions } from './vault-server.ts'
import { openPlace } from './whole-way.ts'

const signal = AbortSignal.timeout(60_000)

async function loadFrom(source: Source): Promise<LoadedCredentials> {
  return source.load({ signal })
}

async function open(options?: VaultServerOptions) {
  const vault = await VaultServer.start(options)
  const withToken: VaultOptions = { address: vault.address, token: vault.rootToken }
  const login = { path: 'auth/approle/login', body: () => vault.appRole }
  const withLogin: VaultOptions = { address: vault.address, login }
  return { vault, withToken, withLogin, [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose]() }
}

test('KV: the version before the newest is asked for once', async () => {
  await using stage = await open()
  const { vault, withToken } = stage
  vault.write('prod/db', { username: 'app', password: 'one' })
  const source = fromVaultKv('prod/db', withToken)
  const first = { user: 'app', password: 'one', version: '1' }
  expect(await source.load({ signal })).toEqual(first)
  vault.write('prod/db', { username: 'app', password: 'two' })
  const second = { user: 'app', password: 'two', version: '2', previous: first }
  expect(await source.load({ signal })).toEqual(second)
  const { length } = vault.asked
  expect(await source.load({ signal })).toEqual(second)
  expect(vault.asked).toHaveLength(length + 1)
})

test('a namespace goes with every question', async () => {
  await using stage = await open({ namespace: 'team' })
  const { vault, withLogin } = stage
  vault.write('prod/db', { username: 'app', password: 'one' })
  const source = fromVaultKv('prod/db', { ...withLogin, namespace: 'team' })
  expect(await source.load({ signal })).toMatchObject({ user: 'app' })
  const elsewhere = fromVaultKv('prod/db', withLogin)
  await expect(loadFrom(elsewhere)).rejects.toMatchObject({
    given: 'not found',
  })
})

test('a login is used until two thirds of its token’s life, then renewed, and replaced if it was revoked', async () => {
  await using stage = await open({ tokenSeconds: 3 })
  const { vault, withLogin } = stage
  vault.write('prod/db', { username: 'app', password: 'one' })
  const source = fromVaultKv('prod/db', withLogin)
  const load = () => source.load({ signal })
  await load()
  await load()
  const logins = () => vault.asked.filter((path) => path.startsWith('auth/'))
  expect(logins()).toEqual(['auth/approle/login'])
  await until('the token to be renewed', async () => {
    await load()
    return logins().at(-1) === 'auth/token/renew-self'
  })
  vault.revokeTokens()
  await load()
  expect(logins()).toEqual(['auth/approle/login', 'auth/token/renew-self', 'auth/approle/login'])
})

test('where a token may not read, one other login is tried, not one after the other', async () => {
  await using stage = await open()
  const { vault, withLogin } = stage
  const elsewhere = fromVaultKv('prod/db', { ...withLogin, mount: 'private' })
  await expect(loadFrom(elsewhere)).rejects.toMatchObject({ given: 'forbidden' })
  expect(vault.asked.filter((path) => path === 'auth/approle/login')).toHaveLength(2)
})

test('a static role: the password stops at once, a refused login is bridged, and no request fails', async () => {
  await using place = await openPlace(8)
  let account = await place.createAccount()
  await using stage = await open()
  const { vault, withToken } = stage
  const rotated = (): void => {
    vault.staticRoles.set('app', { ...account, rotatedAt: new Date(), ttlSeconds: 3_600 })
  }
  rotated()
  const source = fromVaultStaticRole('app', withToken)
  await using credentials = createCredentials(source)
  expect(credentials.timings).toMatchObject({ overlap: 0, loginDeadline: 15_000 })
  const { host, port, database } = place
  await using pool = closing(new Pool({ host, port, database, max: 8, credentials }))
  await fill(pool, 2)
  await using load = new Load({ whoami: () => userOf(pool) }, 2)
  const before = credentials.current
  account = await place.rotate(account)
  // More than there are connections, and none may log in for a while.
  const lent = Array.from({ length: 6 }, () => pool.connect())
  await until('a login to be refused', async () => (await place.refusedLogins()).length > 0)
  rotated()
  for (const client of await Promise.all(lent)) client.release()
  await pool.drained()
  await load.goOn()
  expect(load.lost).toEqual([])
  expect(credentials.current?.version).not.toBe(before?.version)
})

test('a static role is asked again when it says that it will have changed', async () => {
  await using stage = await open()
  const { vault, withToken } = stage
  const role = { user: 'app', password: 'one', rotatedAt: new Date(0), ttlSeconds: 1 }
  vault.staticRoles.set('app', role)
  await using cache = createCredentials(fromVaultStaticRole('app', withToken), { jitter: 0 })
  await cache.get()
  vault.staticRoles.set('app', {
    ...role,
    password: 'two',
    rotatedAt: new Date(),
    ttlSeconds: 3_600,
  })
  await until('the change', () => cache.current?.password.reveal() === 'two')
  // While Vault is rotating the ttl stands at 0, or has begun anew before the password has.
  expect(vault.asked.length).toBeLessThanOrEqual(3)
})

/** A lease of this many seconds in a real database, whose end drops the role. */
async function openDynamic(options: VaultServerOptions) {
  const place = await openPlace(4)
  const stage = await open({
    create: () => place.createAccount(),
    drop: (account) => place.revoke(account),
    ...options,
  })
  return {
    ...stage,
    place,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

const pollsOften: CredentialsOptions = { ttl: 100, loadDeadline: 500, loginDeadline: 500 }

test('a dynamic role is renewed as long as it can, then replaced, drained before its lease ends, and no request fails', async () => {
  await using stage = await openDynamic({ leaseSeconds: 6, maxLeaseSeconds: 9 })
  const { vault, place, withToken } = stage
  const source = fromVaultDynamicRole('app', { ...withToken, lease: 6_000 })
  await using credentials = createCredentials(source, pollsOften)
  expect(credentials.timings.overlap).toBeCloseTo(1_800)
  const { host, port, database } = place
  const rotation = { spread: 200, drainDeadline: 400 }
  await using pool = closing(new Pool({ host, port, database, max: 4, credentials, rotation }))
  await fill(pool, 4)
  {
    await using load = new Load({ whoami: () => userOf(pool) }, 3)
    const [first] = vault.leases.keys()
    await until('a renewal', () => vault.asked.includes('sys/leases/renew'))
    expect(credentials.current?.version).toBe(first)
    const user = credentials.current?.user
    await until('a new lease', () => credentials.current?.version !== first)
    await pool.drained()
    expect(await place.sessions(user)).toEqual([])
    expect(vault.leases.has(first ?? '')).toBe(true)
    await until('the end of the first lease', () => !vault.leases.has(first ?? ''))
    await load.goOn()
    expect(load.lost).toEqual([])
  }
})

test('a lease that somebody revoked is replaced at the next question', async () => {
  await using stage = await openDynamic({})
  const { vault, withToken } = stage
  const source = fromVaultDynamicRole('app', { ...withToken, lease: 3_600_000 })
  await using cache = createCredentials(source)
  const first = await cache.get()
  expect(await cache.refresh()).toMatchObject({ version: first.version })
  await vault.revokeLease(first.version)
  const second = await cache.refresh()
  expect(second.version).not.toBe(first.version)
  expect(vault.leases.size).toBe(1)
})

test('a lease that cannot be renewed is replaced at two thirds, and not before', async () => {
  await using stage = await openDynamic({ leaseSeconds: 3, renewable: false })
  const { vault, withToken } = stage
  const source = fromVaultDynamicRole('app', { ...withToken, lease: 3_000 })
  const first = await source.load({ signal })
  expect(await source.load({ signal })).toMatchObject({ version: first.version })
  await until('a new lease', async () => (await source.load({ signal })).version !== first.version)
  expect(Date.now()).toBeGreaterThan(Number(first.expiresAt) - 1_000)
  expect(vault.asked).not.toContain('sys/leases/renew')
})

test('a lease that is shorter than said is told', async () => {
  await using stage = await openDynamic({ leaseSeconds: 60 })
  const source = fromVaultDynamicRole('app', { ...stage.withToken, lease: 3_600_000 })
  await using cache = createCredentials(source)
  const message: unknown = expect.stringContaining('a lease of 60000 ms is shorter')
  const given = 'unusable settings'
  await expect(cache.get()).rejects.toMatchObject({ code: 'ERR_REKEY_LOAD', given, message })
})
