import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = ['README.md', ...globSync('packages/*/README.md', { cwd: root })]
const run = promisify(execFile)

// The names that the pages use, and what stands for them here.
const database = `docs_${randomBytes(4).toString('hex')}`
const roles = ['a', 'b'].map((suffix) => `${database}_${suffix}`)
const password = 'correct horse'
const { host, port, user, password: adminPassword } = await serverAddress('postgres')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rekey-docs-'))
  await writeFile(join(folder, 'database.json'), JSON.stringify({ user: roles[0], password }))
  await asAdmin(async (admin) => {
    await admin.query(`CREATE DATABASE ${database}`)
    for (const role of roles) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
  })
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await asAdmin(async (admin) => {
    await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    for (const role of roles) await admin.query(`DROP ROLE IF EXISTS ${role}`)
  })
})

describe.each(pages)('%s', (page) => {
  test('is not longer than a reader has patience for', async () => {
    expect((await readFile(join(root, page), 'utf8')).split('\n').length).toBeLessThan(200)
  })

  test('has links that lead somewhere', async () => {
    const text = await readFile(join(root, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      await expect(readFile(join(root, page, '..', target))).resolves.toBeDefined()
    }
  })

  test('runs, snippet by snippet, as it is printed', async () => {
    for (const snippet of await snippetsOf(page)) {
      await expect(runSnippet(snippet), snippet).resolves.toBe(0)
    }
  })
})

test('the test that packages/drill/README.md prints is the one that runs', async () => {
  const page = await readFile(join(root, 'packages/drill/README.md'), 'utf8')
  const [, printed] = /^```ts test\n(.*?)^```$/ms.exec(page) ?? []
  expect(printed).toBe(
    await readFile(join(root, 'integration/containers/own-suite.test.ts'), 'utf8'),
  )
})

async function snippetsOf(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
}

/** Runs it as a module of this package, the way a user's file would be. */
async function runSnippet(snippet: string): Promise<number | null> {
  const code = snippet
    .replaceAll("'db.internal'", `'${host}'`)
    .replaceAll("'app'", `'${database}'`)
    .replaceAll('/etc/app/database.json', join(folder, 'database.json'))
    .replaceAll("'app_a'", `'${roles[0]}'`)
    .replaceAll("'app_b'", `'${roles[1]}'`)
  const DB_USER = roles[0]
  const env = { ...process.env, PGPORT: String(port), DB_USER, DB_PASSWORD: password }
  // A pool that nobody ends keeps its process for as long as the driver's idle timeout.
  const args = ['--input-type=module-typescript', '--eval', code]
  const child = run(process.execPath, args, { cwd: join(root, 'integration'), env })
  await child
  return child.child.exitCode
}

async function asAdmin(work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ host, port, user, password: adminPassword, database: 'postgres' })
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
