import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { assertZeroDowntime, drill, type DrillReport } from '@rekey/drill'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { generatePrisma } from '../../orm/generate-prisma.ts'
import { serverAddress } from '../../servers/on-demand.ts'
import type { Client } from './prisma.ts'

const runFile = promisify(execFile)
const require = createRequire(import.meta.url)
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
  vi.unstubAllEnvs()
  for (const name of ['shop_a', 'shop_b']) await admin.query(`DROP ROLE IF EXISTS ${name}`)
  await admin.end()
})

test('node:test runs the drill of an own pool', async () => {
  const file = `${folder}node-test-example.ts`
  const { stdout } = await runFile(process.execPath, ['--test', file], { env })
  expect(stdout).toMatch(/^. pass 1$/m)
  expect(stdout).toMatch(/^. fail 0$/m)
})

test('Vitest does, too', async () => {
  const vitest = `${root}node_modules/vitest/vitest.mjs`
  const own = ['run', '--config', `${folder}vitest.config.ts`]
  const { stdout } = await runFile(process.execPath, [vitest, ...own], { cwd: folder, env })
  expect(stdout).toMatch(/Tests +1 passed \(1\)/)
})

test('and so does Jest, with modules and types as Node has them', async () => {
  const jest = require.resolve('jest/bin/jest')
  const args = ['--experimental-vm-modules', jest, '--config', `${folder}jest.config.mjs`]
  const { stderr } = await runFile(process.execPath, args, { cwd: folder, env })
  expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m)
})

const short = { rotations: 1, rate: 50, max: 5, pace: { warmUp: 150, steady: 60, spread: 250 } }

test.each<[string, () => Promise<DrillReport>]>([
  ['Knex', async () => drill({ ...short, workload: (await import('./knex.ts')).knexShop })],
  ['Kysely', async () => drill({ ...short, workload: (await import('./kysely.ts')).kyselyShop })],
  [
    'Drizzle',
    async () => drill({ ...short, workload: (await import('./drizzle.ts')).drizzleShop }),
  ],
  [
    'TypeORM',
    async () => drill({ ...short, workload: (await import('./typeorm.ts')).typeormShop }),
  ],
  [
    'Prisma',
    async () => {
      const { prismaShop } = await import('./prisma.ts')
      await using generated = await generatePrisma<Client>('model product {\n id Int @id\n}')
      return await drill({ ...short, workload: prismaShop(generated.PrismaClient) })
    },
  ],
  [
    'Sequelize',
    async () => drill({ ...short, workload: (await import('./sequelize.ts')).sequelizeShop }),
  ],
])('the drill of an own pool below %s', async (_name, run) => {
  vi.stubEnv('TEST_DATABASE_URL', env['TEST_DATABASE_URL'])
  assertZeroDowntime(await run())
})
