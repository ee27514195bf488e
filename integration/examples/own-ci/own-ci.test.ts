import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serverAddress } from '../../servers/on-demand.ts'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../..', import.meta.url))

let admin: pg.Client
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  const { host, port, user, password } = await serverAddress('postgres')
  admin = new pg.Client({ host, port, user, password, database: 'postgres' })
  await admin.connect()
  for (const name of ['shop_a', 'shop_b']) await admin.query(`CREATE ROLE ${name}`)
  const url = `postgres://${user}:${password}@${host}:${port}/postgres`
  env = { ...process.env, TEST_DATABASE_URL: url, VITEST: '', NO_COLOR: '1' }
})

afterAll(async () => {
  for (const name of ['shop_a', 'shop_b']) await admin.query(`DROP ROLE IF EXISTS ${name}`)
  await admin.end()
})

test('node:test runs the drill of an own pool', async () => {
  const file = `${folder}node-test-example.ts`
  const { stdout } = await run(process.execPath, ['--test', file], { env })
  expect(stdout).toMatch(/^. pass 1$/m)
  expect(stdout).toMatch(/^. fail 0$/m)
})

test('Vitest does, too', async () => {
  const vitest = `${root}node_modules/vitest/vitest.mjs`
  const own = ['run', '--config', `${folder}vitest.config.ts`]
  const { stdout } = await run(process.execPath, [vitest, ...own], { cwd: folder, env })
  expect(stdout).toMatch(/Tests +1 passed \(1\)/)
})
