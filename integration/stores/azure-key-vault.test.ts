import { createCredentials } from '@rekey/core'
import { fromAzureKeyVault } from '@rekey/core/azure-key-vault'
import { expect, test } from 'vitest'
import { openAzure } from './azure.ts'
import { goTheWholeWay } from './whole-way.ts'

const signal = AbortSignal.timeout(60_000)
const overlap = 3_600_000

async function open({ user }: { user?: string } = {}) {
  const { azure, tlsOptions, credential } = await openAzure()
  // The vault is not in Azure's domain.
  const client = { tlsOptions, disableChallengeResourceVerification: true }
  const source = fromAzureKeyVault('database', {
    vault: azure.address,
    credential: credential(),
    client,
    ...(user !== undefined && { user }),
  })
  const add = (password: string): string =>
    azure.add('database', JSON.stringify({ username: 'app', password }))
  return { azure, source, add, load: async () => source.load({ signal }) }
}

test('the newest version comes with its id, and with the time at which it was made', async () => {
  const { load, add } = await open()
  const version = add('one')
  expect(await load()).toEqual({
    user: 'app',
    password: 'one',
    version,
    issuedAt: expect.any(Date),
  })
  expect(await load()).toMatchObject({ version })
  expect(await load()).not.toMatchObject({ version: add('two') })
  expect(await load()).toMatchObject({ password: 'two' })
})

test('a secret that is a password alone is that of the user who was named', async () => {
  const { azure, load } = await open({ user: 'default' })
  const version = azure.add('database', 'key 2')
  expect(await load()).toMatchObject({ user: 'default', password: 'key 2', version })
})

test('a replica that lags behind is ignored, also where the version that it has was never seen', async () => {
  const { azure, source, add } = await open()
  add('never seen')
  const version = add('newest')
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  azure.forgetLatest('database')
  expect(await cache.refresh()).toMatchObject({ version })
})

test('a secret that is not there, and one that is disabled, are told as that; the last good pair serves on', async () => {
  const { azure, source, add, load } = await open()
  const missing = { code: 'ERR_REKEY_LOAD', option: 'database', given: 'not found' }
  await expect(load()).rejects.toMatchObject(missing)
  add('one')
  await using cache = createCredentials(source, { overlap })
  await cache.get()
  azure.disableLatest('database')
  await expect(cache.refresh()).rejects.toMatchObject({ ...missing, given: 'forbidden' })
  expect(cache.current?.password.reveal()).toBe('one')
})

test('an identity that Entra ID refuses is told as forbidden, without its secret', async () => {
  const { azure, add, load } = await open()
  add('one')
  azure.clientSecret = 'another'
  const error = await load().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'forbidden' })
})

test('a clock that is wrong is told as that: Entra ID says it of a certificate', async () => {
  const { azure, add, load } = await open()
  add('one')
  azure.clientSecret = 'another'
  azure.refusal = 'AADSTS700024: Client assertion is not within its valid time range.'
  const told = { code: 'ERR_REKEY_LOAD', given: 'a clock that is wrong' }
  await expect(load()).rejects.toMatchObject(told)
})

test('two sets of credentials that alternate: three rotations under load, no request fails', async () => {
  const { azure, source } = await open()
  await goTheWholeWay({
    source,
    publish: async ({ user, password }) =>
      void azure.add('database', JSON.stringify({ username: user, password })),
  })
})
