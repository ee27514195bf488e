import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { folder } from '../../packages/core/test/sources/folder.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { openAzure } from './azure.ts'
import { GoogleServer } from './google-server.ts'
import { startStore } from './start-store.ts'
import { openVault } from './vault.ts'

const address = await startStore('etcd')
const endpoint = await startStore('moto')
const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))

/** Runs a module that makes `source`, loads from it, and then has nothing more to do. */
async function loadAlone(code: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const all = `
    import { createCredentials, fromFunction } from '@rekey/core'
    ${code}
    const cache = createCredentials(source, { overlap: 3_600_000 })
    console.log((await cache.get()).user)
    // What watches has begun to.
    await new Promise((resolve) => setTimeout(resolve, 300))`
  const words = ['--no-warnings', '--input-type=module', '--eval', all]
  const settings = { cwd: here, timeout: 100_000, env: { ...process.env, ...env } }
  const { stdout } = await run(process.execPath, words, settings)
  return stdout.trim()
}

test('a process with a key of etcd that is watched ends by itself', async () => {
  const value = Buffer.from('{ "user": "app", "password": "pw" }').toString('base64')
  const body = JSON.stringify({ key: Buffer.from('db').toString('base64'), value })
  await fetch(`${address}/v3/kv/put`, { method: 'POST', body })
  const code = `
    import { fromEtcd } from '@rekey/core/etcd'
    const source = fromEtcd('db', { address: '${address}' })`
  expect(await loadAlone(code)).toBe('app')
})

test('a process with a secret of Vault ends by itself', async () => {
  await using vault = await openVault()
  await vault.write('db', { username: 'app', password: 'pw' })
  const { address: at, token } = vault.withToken
  const code = `
    import { fromVaultKv } from '@rekey/core/vault'
    const source = fromVaultKv('db', { address: '${at}', token: '${token}' })`
  expect(await loadAlone(code)).toBe('app')
})

test('a process that listens to PostgreSQL ends by itself', async () => {
  const { host, port, user, password } = await serverAddress('postgres')
  const settings = JSON.stringify({ host, port, user, password, database: 'postgres' })
  const code = `
    import pg from 'pg'
    import { notifiedBy, postgresChannel } from '@rekey/core/notified-by'
    const connect = async () => {
      const client = new pg.Client(${settings})
      await client.connect()
      return client
    }
    const pair = fromFunction(() => ({ user: 'app', password: 'pw' }))
    const source = notifiedBy(pair, postgresChannel(connect, 'rotated'))`
  expect(await loadAlone(code)).toBe('app')
})

test('a process with a secret of AWS ends by itself', async () => {
  const code = `
    import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
    import { fromAwsSecretsManager } from '@rekey/core/aws-secrets-manager'
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const client = { endpoint: '${endpoint}', region: 'eu-central-1', credentials }
    const SecretString = JSON.stringify({ username: 'app', password: 'pw' })
    await new SecretsManagerClient(client).send(new CreateSecretCommand({ Name: 'db', SecretString }))
    const source = fromAwsSecretsManager('db', { client, rotation: 'alternating-users' })`
  expect(await loadAlone(code)).toBe('app')
})

test('a process with a secret of Google ends by itself', async () => {
  await using google = await GoogleServer.start()
  google.add('projects/p/secrets/db', { username: 'app', password: 'pw' })
  const directory = await folder()
  const [token, file] = [join(directory, 'token'), join(directory, 'credentials.json')]
  await writeFile(token, google.subjectToken)
  await writeFile(file, JSON.stringify(google.credentials(token)))
  const code = `
    import { fromGoogleSecretManager } from '@rekey/core/google-secret-manager'
    const source = fromGoogleSecretManager('projects/p/secrets/db', { endpoint: '${google.address}' })`
  const env = { GOOGLE_APPLICATION_CREDENTIALS: file, GOOGLE_CLOUD_PROJECT: 'p' }
  expect(await loadAlone(code, env)).toBe('app')
})

test('a process with a secret of Azure, and one with a token of Entra ID, end by themselves', async () => {
  const { azure } = await openAzure()
  azure.add('db', JSON.stringify({ username: 'app', password: 'pw' }))
  const trust = JSON.stringify({ tlsOptions: { ca: azure.ca } })
  const code = `
    import { ClientSecretCredential } from '@azure/identity'
    import { fromAzureKeyVault } from '@rekey/core/azure-key-vault'
    import { fromEntraRedis } from '@rekey/core/entra'
    const credential = new ClientSecretCredential(
      '${azure.tenant}', '${azure.clientId}', '${azure.clientSecret}',
      { ...${trust}, authorityHost: '${azure.address}', disableInstanceDiscovery: true },
    )
    const client = { ...${trust}, disableChallengeResourceVerification: true }`
  const secret = `
    const source = fromAzureKeyVault('db', { vault: '${azure.address}', credential, client })`
  const token = `
    const source = fromEntraRedis({ credential })`
  expect(await loadAlone(code + secret)).toBe('app')
  expect(await loadAlone(code + token)).toBe('app')
})
