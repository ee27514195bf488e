// Every source that the package exports, with nothing but its own timings.

import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import {
  combine,
  createCredentials,
  fromEnv,
  fromFile,
  fromFunction,
  map,
  poolTimings,
  type Source,
} from '../../src/index.ts'
import { fromElastiCacheIam, fromMemoryDbIam, fromRdsIam } from '../../src/sources/aws-iam.ts'
import { fromAwsSecretsManager } from '../../src/sources/aws-secrets-manager.ts'
import { fromAzureKeyVault } from '../../src/sources/azure-key-vault.ts'
import { fromCommand } from '../../src/sources/command.ts'
import { fromEntraDatabase, fromEntraRedis } from '../../src/sources/entra.ts'
import { fromEtcd } from '../../src/sources/etcd.ts'
import { fromGoogleSecretManager } from '../../src/sources/google-secret-manager.ts'
import { notifiedBy } from '../../src/sources/notified-by.ts'
import { fromVaultDynamicRole, fromVaultKv, fromVaultStaticRole } from '../../src/sources/vault.ts'

const vault = { address: 'http://127.0.0.1:8200', token: 't' }
const iam = { user: 'app', region: 'eu-central-1', cache: 'c', host: 'h', port: 5432 }
const minute = 60_000

type Timings = [overlap: number, ttl: number, jitter: number, bridge: number]

/** Those that know their store's window. */
const known: [string, () => Source, Timings][] = [
  ['fromRdsIam', () => fromRdsIam(iam), [15 * minute, 670_000, 0.1, 5_000]],
  ['fromElastiCacheIam', () => fromElastiCacheIam(iam), [15 * minute, 670_000, 0.1, 5_000]],
  ['fromMemoryDbIam', () => fromMemoryDbIam(iam), [15 * minute, 670_000, 0.1, 5_000]],
  ['fromAwsSecretsManager', () => fromAwsSecretsManager('s'), [-90_000, 60_000, 0.1, 120_000]],
  [
    'fromAwsSecretsManager',
    () => fromAwsSecretsManager('s', { rotation: 'alternating-users' }),
    [240 * minute, 300_000, 0.1, 5_000],
  ],
  ['fromVaultStaticRole', () => fromVaultStaticRole('app', vault), [0, 300_000, 0.1, 15_000]],
  [
    'fromVaultDynamicRole',
    () => fromVaultDynamicRole('app', { ...vault, lease: 60 * minute }),
    [1_190_000, 297_500, 0.1, 5_000],
  ],
  [
    'fromVaultDynamicRole',
    () => fromVaultDynamicRole('app', { ...vault, lease: minute }),
    [18_000, 4_500, 0.1, 900],
  ],
  ['fromEntraDatabase', () => fromEntraDatabase(), [300_000, 60_000, 0.1, 5_000]],
  ['fromEntraRedis', () => fromEntraRedis(), [120_000, 20_000, 0.1, 5_000]],
]

/** Those whose window is whoever's who rotates. */
const yours: [string, () => Source][] = [
  ['fromVaultKv', () => fromVaultKv('db', vault)],
  ['fromGoogleSecretManager', () => fromGoogleSecretManager('projects/shop/secrets/database')],
  ['fromAzureKeyVault', () => fromAzureKeyVault('database', { vault: 'https://v.example' })],
  ['fromEtcd', () => fromEtcd('db', { address: 'http://127.0.0.1:2379' })],
  ['fromCommand', () => fromCommand('credentials')],
  ['fromFile', () => fromFile('database.json', { watch: false })],
  ['fromEnv', () => fromEnv('PG*')],
  ['fromFunction', () => fromFunction(() => ({ user: 'app', password: 'pw' }))],
]

test.each(known)('%s fits its window by its own timings', async (_name, make, timings) => {
  await using cache = createCredentials(make())
  const { overlap, ttl, jitter, loginDeadline } = cache.timings
  expect([overlap, ttl, jitter, loginDeadline]).toEqual(timings)
  expect(poolTimings(cache.timings, {}).drainDeadline).toBeGreaterThan(0)
})

test.each(yours)('%s asks for its window, and fits any', async (_name, make) => {
  expect(() => createCredentials(make())).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_BUDGET', option: 'overlap' }),
  )
  for (const overlap of [minute, 60 * minute, 30 * 24 * 60 * minute]) {
    await using cache = createCredentials(make(), { overlap })
    const { ttl, jitter, loginDeadline } = cache.timings
    expect([ttl, jitter]).toEqual([Math.min(5 * minute, overlap / 4), 0.1])
    expect(loginDeadline).toBe(Math.min(5_000, overlap / 20))
    expect(poolTimings(cache.timings, {}).drainDeadline).toBeGreaterThan(0)
  }
})

test.each<[string, (source: Source) => Source]>([
  ['combine', (source) => combine(source, fromEnv('PG*'))],
  ['map', (source) => map(source, (loaded) => loaded)],
  ['notifiedBy', (source) => notifiedBy(source, () => {})],
])('%s has the timings of what it is around', (_name, around) => {
  for (const [, make] of known) expect(around(make()).defaults).toEqual(make().defaults)
})

test('no source is missing here', async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const { exports: paths } = JSON.parse(text) as { exports: Record<string, string> }
  const modules = Object.values(paths).filter((path) => path.endsWith('.ts'))
  const all = modules.map(
    (path) => import(new URL(`../../${path}`, import.meta.url).href) as Promise<object>,
  )
  const names = (await Promise.all(all)).flatMap((module) => Object.keys(module))
  const sources = names.filter((name) => name.startsWith('from'))
  const tried = new Set([...known, ...yours].map(([name]) => name))
  expect([...tried].toSorted()).toEqual(sources.toSorted())
})

test('each source is made in a file of its own, and no file has more than 119 lines', async () => {
  const folder = new URL('../../src/sources/', import.meta.url)
  const paths = await readdir(folder, { recursive: true })
  const files = paths.filter((path) => path.endsWith('.ts'))
  const texts = await Promise.all(files.map((path) => readFile(new URL(path, folder), 'utf8')))
  const made = texts.map((text) => [...text.matchAll(/^export function (from\w+)/gm)])
  expect(Math.max(...made.map(({ length }) => length))).toBe(1)
  const names = made.flatMap((found) => found.map(([, name = '']) => name))
  const all = new Set([...known, ...yours].map(([name]) => name))
  expect(names.toSorted()).toEqual([...all].toSorted())
  const long = files.filter((_, index) => texts[index]!.trimEnd().split('\n').length > 119)
  expect(long).toEqual([])
})
