// These also run against the official images of Vault and OpenBao: .github/workflows/ci.yml. That a lease cannot be renewed is
// shown with our own server everywhere: no real one can be made to say so.

import { createCredentials, type Clock, type LoadedCredentials, type Source } from '@rekey/core'
import { fromVaultDynamicRole, fromVaultStaticRole } from '@rekey/core/vault'
import { Pool } from '@rekey/pg'
import { expect, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { closing, fill, userOf } from '../pg/stage.ts'
import { until } from '../until.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { openVault, type VaultNeeds } from './vault.ts'
import { openPlace } from './whole-way.ts'

/** Milliseconds. The roles' leases are of ten minutes. */
const minute = 60_000

async function open(needs: VaultNeeds = {}) {
  const place = await openPlace(8)
  const vault = await openVault(needs)
  return {
    place,
    vault,
    makeRole: (seconds = 600, mostSeconds = 900) => vault.makeRole(place, seconds, mostSeconds),
    async [Symbol.asyncDispose]() {
      await vault[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

async function load(source: Source, clock?: Clock): Promise<LoadedCredentials> {
  return source.load({ signal: AbortSignal.timeout(60_000), ...(clock && { clock }) })
}

test('a static role: the password stops at once, a refused login is bridged, and no request fails', async () => {
  await using stage = await open()
  const { vault, place } = stage
  const account = await place.createAccount()
  const role = await vault.makeStaticRole(place, account.user)
  const source = fromVaultStaticRole(role, vault.withToken)
  // Longer than the source's own bridge: this machine may be busy.
  await using credentials = createCredentials(source, { loginDeadline: 60_000 })
  const { host, port, database } = place
  await using pool = closing(new Pool({ host, port, database, max: 8, credentials }))
  await fill(pool, 2)
  await using work = new Load({ whoami: () => userOf(pool) }, 2)
  const before = credentials.current
  // The database is ahead of what Vault tells, as in the middle of a rotation.
  await place.rotate(account)
  // More than there are connections, and none may log in for a while.
  const lent = Array.from({ length: 6 }, () => pool.connect())
  await until('a login to be refused', async () => (await place.refusedLogins()).length > 0)
  await vault.rotate(role)
  for (const client of await Promise.all(lent)) client.release()
  await pool.drained()
  await work.goOn()
  expect(work.lost).toEqual([])
  expect(credentials.current?.version).not.toBe(before?.version)
})

test('a static role is asked again when it says that it will have changed', async () => {
  await using stage = await open()
  const { vault, place } = stage
  const { user } = await place.createAccount()
  const role = await vault.makeStaticRole(place, user, vault.shortestRotation)
  const source = fromVaultStaticRole(role, vault.withToken)
  await using cache = createCredentials(source, { jitter: 0 })
  const since = performance.now()
  const first = await cache.get()
  await until('the change', () => cache.current?.version !== first.version)
  expect(cache.current?.password.reveal()).not.toBe(first.password.reveal())
  // A real one comes up to 5 s late, with a ttl that stands at 0 meanwhile: that is once a second at most.
  const seconds = (performance.now() - since) / 1_000
  expect(vault.asked.length).toBeLessThanOrEqual(2 + seconds)
})

test('a dynamic role is renewed as long as it can, then replaced, drained before its lease ends, and no request fails', async () => {
  await using stage = await open()
  const { vault, place, makeRole } = stage
  const role = await makeRole()
  const clock = new ShiftedClock()
  const source = fromVaultDynamicRole(role, { ...vault.withToken, lease: 5 * minute })
  await using credentials = createCredentials(source, { clock })
  expect(credentials.timings.overlap).toBe(90_000)
  const { host, port, database } = place
  const rotation = { spread: 200 }
  await using pool = closing(new Pool({ host, port, database, max: 4, credentials, rotation }))
  await fill(pool, 4)
  await using work = new Load({ whoami: () => userOf(pool) }, 3)
  const first = credentials.current
  const version = first?.version ?? ''
  clock.shift(7 * minute)
  expect(await credentials.refresh()).toMatchObject({ version, user: first?.user })
  expect(vault.asked).toContain('sys/leases/renew')
  // From now on no lease is longer than five and a half: too little of the ten to be worth it.
  await vault.setLease(role, 330, 330)
  clock.shift(7 * minute)
  expect((await credentials.refresh()).version).not.toBe(version)
  await pool.drained()
  await until('the old sessions to end', async () => {
    const sessions = await place.sessions(first?.user)
    return sessions.length === 0
  })
  expect(await vault.hasLease(version)).toBe(true)
  await vault.revokeLease(version)
  await work.goOn()
  expect(work.lost).toEqual([])
})

test('a lease that somebody revoked is replaced at the next question', async () => {
  await using stage = await open()
  const { vault, makeRole } = stage
  const source = fromVaultDynamicRole(await makeRole(), { ...vault.withToken, lease: 9 * minute })
  await using cache = createCredentials(source)
  const first = await cache.get()
  expect(await cache.refresh()).toMatchObject({ version: first.version })
  await vault.revokeLease(first.version)
  const second = await cache.refresh()
  expect(second.version).not.toBe(first.version)
  expect(await vault.hasLease(second.version)).toBe(true)
  expect(await vault.hasLease(first.version)).toBe(false)
})

test('a lease goes with the login that it was asked for with', async () => {
  await using stage = await open()
  const { vault, makeRole } = stage
  const options = { ...(await vault.makeLogin()), lease: 9 * minute }
  const source = fromVaultDynamicRole(await makeRole(), options)
  const first = await load(source)
  expect(await load(source)).toEqual(first)
  await vault.revokeLogins()
  const second = await load(source)
  expect(second.version).not.toBe(first.version)
  await until('the first lease to end', async () => !(await vault.hasLease(String(first.version))))
})

test('a lease that cannot be renewed is replaced at two thirds, and not before', async () => {
  await using stage = await open({ renewable: false })
  const { vault, makeRole } = stage
  const source = fromVaultDynamicRole(await makeRole(), { ...vault.withToken, lease: 9 * minute })
  const clock = new ShiftedClock()
  const first = await load(source, clock)
  clock.shift(6 * minute)
  expect(await load(source, clock)).toEqual(first)
  clock.shift(minute)
  expect((await load(source, clock)).version).not.toBe(first.version)
  expect(vault.asked).not.toContain('sys/leases/renew')
})

test.each([
  ['behind', -60],
  ['ahead', 60],
])('a clock that is an hour %s of Vault’s changes nothing', async (_how, minutes) => {
  await using stage = await open()
  const { vault, place, makeRole } = stage
  const clock = new ShiftedClock()
  clock.shift(minutes * minute)
  const { user } = await place.createAccount()
  const role = await vault.makeStaticRole(place, user)
  await using cache = createCredentials(fromVaultStaticRole(role, vault.withToken), { clock })
  const first = await cache.get()
  expect(await cache.refresh()).toMatchObject({ version: first.version })
  await vault.rotate(role)
  expect((await cache.refresh()).version).not.toBe(first.version)
  const source = fromVaultDynamicRole(await makeRole(), { ...vault.withToken, lease: 9 * minute })
  const leased = await load(source, clock)
  expect(await load(source, clock)).toEqual(leased)
  expect(vault.asked.at(-1)).toBe('sys/leases/lookup')
  clock.shift(7 * minute)
  expect(await load(source, clock)).toMatchObject({ version: leased.version })
  expect(vault.asked.at(-1)).toBe('sys/leases/renew')
})

test('a lease that is shorter than said is told', async () => {
  await using stage = await open()
  const { vault, makeRole } = stage
  const source = fromVaultDynamicRole(await makeRole(60), {
    ...vault.withToken,
    lease: 60 * minute,
  })
  await using cache = createCredentials(source)
  const message: unknown = expect.stringContaining('a lease of 60000 ms is shorter')
  const given = 'unusable settings'
  await expect(cache.get()).rejects.toMatchObject({ code: 'ERR_REKEY_LOAD', given, message })
})

test('a role that there is none of is told as unusable settings', async () => {
  await using stage = await open()
  const { vault, place, makeRole } = stage
  // The engine is there.
  await makeRole()
  const { user } = await place.createAccount()
  const fixed = await vault.makeStaticRole(place, user)
  const given = 'unusable settings'
  const unknown = { code: 'ERR_REKEY_LOAD', given, option: `database/static-creds/${fixed}-else` }
  const source = fromVaultStaticRole(`${fixed}-else`, vault.withToken)
  await expect(load(source)).rejects.toMatchObject(unknown)
  const dynamic = fromVaultDynamicRole(fixed, { ...vault.withToken, lease: minute })
  const option = `database/creds/${fixed}`
  await expect(load(dynamic)).rejects.toMatchObject({ ...unknown, option })
})
