import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packAll, run, workspace, type PackedPackage } from './pack.ts'

const require = createRequire(import.meta.url)

const nodes = [
  { node: 'this Node', path: process.execPath },
  { node: 'the oldest Node 22 that can require ESM', path: require.resolve('node-floor/bin/node') },
]

let directory: string
let project: string
let packages: PackedPackage[]
/** Every name under which something can be imported. */
let entries: string[]

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'rekey-packaging-')))
  project = join(directory, 'project')
  await mkdir(project)
  packages = await packAll(directory)
  await writeFile(join(project, 'package.json'), '{ "private": true }')
  await npmInstall(
    ...packages.map(({ filename }) => filename),
    'pg',
    'mysql2',
    'ioredis',
    'generic-pool',
  )
  const found = await Promise.all(packages.map(({ name }) => entriesOf(name)))
  entries = found.flat()
}, 180_000)

afterAll(() => rm(directory, { recursive: true }))

async function npmInstall(...specs: string[]): Promise<void> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier']
  await run('npm', ['install', ...flags, ...specs], project)
}

async function entriesOf(name: string): Promise<string[]> {
  const manifest = await readFile(join(project, 'node_modules', name, 'package.json'), 'utf8')
  const { exports } = JSON.parse(manifest) as { exports: object }
  return Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => join(name, path))
}

/** The names that each entry exports, as seen by `script` in a child process. */
async function exportedNames(
  node: string,
  inputType: 'module' | 'commonjs',
  load: (name: string) => string,
): Promise<Record<string, string[]>> {
  // A module with a default export is marked `__esModule` by require.
  const names = (name: string): string =>
    `Object.keys(${load(name)}).filter((key) => key !== '__esModule').toSorted()`
  const pairs = entries.map((name) => `['${name}', ${names(name)}]`)
  const script = `console.log(JSON.stringify(Object.fromEntries([${pairs.join()}])))`
  const args = [`--input-type=${inputType}`, '--eval', script]
  return JSON.parse(await run(node, args, project)) as Record<string, string[]>
}

async function namesInTheSources(): Promise<Record<string, string[]>> {
  const names: Record<string, string[]> = {}
  for (const name of entries) {
    const module = (await import(name)) as object
    names[name] = Object.keys(module).toSorted()
  }
  return names
}

test('every publishable package is packed', () => {
  expect(packages.map(({ name }) => name).toSorted()).toEqual([
    '@rekey/core',
    '@rekey/drill',
    '@rekey/ioredis',
    '@rekey/mysql2',
    '@rekey/pg',
  ])
})

describe.each(nodes)('an empty project under $node', ({ path }) => {
  test('imports every entry and finds what the sources export', async () => {
    const names = await exportedNames(path, 'module', (name) => `await import('${name}')`)
    expect(names).toEqual(await namesInTheSources())
    expect(names).toMatchObject({
      '@rekey/core': expect.arrayContaining(['RekeyError', 'Secret', 'createCredentials']),
      '@rekey/pg': expect.arrayContaining(['Client', 'Pool']),
    })
  })

  test('requires every entry from CommonJS and finds the same', async () => {
    const names = await exportedNames(path, 'commonjs', (name) => `require('${name}')`)
    expect(names).toEqual(await namesInTheSources())
  })
})

test('a source whose library is not installed says how to install it', async () => {
  const script = `
    import { fromAwsSecretsManager } from '@rekey/core/aws-secrets-manager'
    import { fromElastiCacheIam, fromRdsIam } from '@rekey/core/aws-iam'
    import { fromAzureKeyVault } from '@rekey/core/azure-key-vault'
    import { fromEntraRedis } from '@rekey/core/entra'
    import { fromGoogleSecretManager } from '@rekey/core/google-secret-manager'
    const { signal } = new AbortController()
    const rds = { host: 'h', port: 5432, user: 'app', region: 'eu-central-1' }
    const identity = async () => ({ accessKeyId: 'id', secretAccessKey: 'key' })
    for (const source of [
      fromAwsSecretsManager('id'),
      fromRdsIam(rds),
      fromRdsIam({ ...rds, identity }),
      fromElastiCacheIam({ cache: 'c', user: 'app', region: 'eu-central-1', identity }),
      fromGoogleSecretManager('projects/p/secrets/s'),
      fromAzureKeyVault('s', { vault: 'https://shop.vault.azure.net' }),
      fromEntraRedis(),
    ]) await source.load({ signal }).catch(({ code, message }) => console.log(code, message))`
  const said = await run(process.execPath, ['--input-type=module', '--eval', script], project)
  expect(
    said.match(/^ERR_REKEY_SDK .*npm install .*$/gm)?.map((line) => line.split(' ').at(-1)),
  ).toEqual([
    '@aws-sdk/client-secrets-manager',
    '@aws-sdk/credential-provider-node',
    '@aws-sdk/rds-signer',
    '@smithy/signature-v4',
    'google-auth-library',
    '@azure/keyvault-secrets',
    '@azure/identity',
  ])
})

test('the drill has with it what its page is made of, and the schema of its report', async () => {
  const script = `
    const { Recording, renderPage } = await import('@rekey/drill')
    const { default: schema } = await import('@rekey/drill/report.schema.json', { with: { type: 'json' } })
    const report = { database: 'postgres', server: 'PostgreSQL', runs: [] }
    const page = await renderPage(report, new Recording(), { command: '', environment: [] })
    console.log(schema.title, /Chart\\.js v4/.test(page), page.includes('color-scheme'))`
  const said = await run(process.execPath, ['--input-type=module', '--eval', script], project)
  expect(said).toBe('The report of a rotation drill true true\n')
})

test('the declarations compile for a strict consumer, ESM and CommonJS, nothing skipped', async () => {
  const lines = entries.map((name, index) => ({
    esm: `export * as p${index} from '${name}'`,
    commonjs: `export import p${index} = require('${name}')`,
  }))
  await writeFile(join(project, 'esm.mts'), lines.map(({ esm }) => esm).join('\n'))
  const commonjs = [...lines.map((line) => line.commonjs), inTheDriversPlace]
  await writeFile(join(project, 'commonjs.cts'), commonjs.join('\n'))
  await npmInstall('@types/node@22', '@types/pg@8')
  const tsc = join(workspace, 'node_modules', 'typescript', 'bin', 'tsc')
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false']
  const target = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  await run(process.execPath, [tsc, ...flags, ...target, 'esm.mts', 'commonjs.cts'], project)
}, 120_000)

/** What is written against a driver's types under `require` is given ours. */
const inTheDriversPlace = `
import mysql2 = require('mysql2')
import mysql2Promise = require('mysql2/promise')
import driver = require('pg')
import mysql = require('@rekey/mysql2')
import promise = require('@rekey/mysql2/promise')
import pg = require('@rekey/pg')
export const modules: [typeof mysql2, typeof mysql2, typeof mysql2Promise, typeof driver] =
  [mysql, mysql.default, promise, pg]
export const pools: [mysql2.Pool, mysql2Promise.Pool, driver.Pool] =
  [mysql.createPool({ host: 'h' }), promise.createPool({}), new pg.Pool({ database: 'd' })]
export const connections: [mysql2.Connection, Promise<mysql2Promise.Connection>, driver.Client] =
  [mysql.createConnection({}), promise.createConnection({}), new pg.Client({ database: 'd' })]
export const clusters: [mysql2.PoolCluster, mysql2Promise.PoolCluster] =
  [mysql.createPoolCluster(), promise.createPoolCluster()]
export type Theirs = [mysql.PoolConnection, mysql.RowDataPacket, promise.Pool, pg.PoolClient]
// @ts-expect-error -- not any: it has no such member
export const nothing = [mysql.createPool({}).nothing]
`

test('source maps and declaration maps lead to files that are in the package', async () => {
  let maps = 0
  for (const { name, files } of packages) {
    const root = join(project, 'node_modules', name)
    for (const { path } of files.filter((file) => file.path.endsWith('.map'))) {
      const map = join(root, path)
      const { sources } = JSON.parse(await readFile(map, 'utf8')) as { sources: string[] }
      for (const source of sources) {
        expect(existsSync(resolve(dirname(map), source)), `${map} → ${source}`).toBe(true)
        maps++
      }
    }
  }
  expect(maps).toBeGreaterThan(0)
})
