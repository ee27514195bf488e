import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run as runAt } from '../packaging/pack.ts'
import { setUp, settingOf, type Setting, type SettingName } from './setting.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = ['README.md', ...globSync('packages/*/{*,libraries/*}.md', { cwd: root })]
const run = promisify(execFile)

const settings = new Map<SettingName, Setting>()

beforeAll(async () => {
  for (const page of pages) {
    for (const snippet of await snippetsOf(page)) {
      const name = settingOf(page, snippet)
      if (!settings.has(name)) settings.set(name, await setUp(name))
    }
  }
})

afterAll(async () => {
  for (const setting of settings.values()) await setting[Symbol.asyncDispose]()
})

for (const page of pages) {
  // Most wait, some for the idle timeout of a pool that nobody ends; a drill has the machine to itself.
  const order = page.includes('drill') ? describe : describe.concurrent
  order(page, () => {
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
        const setting = settings.get(settingOf(page, snippet))!
        await expect(runSnippet(snippet, setting), snippet).resolves.toBe(0)
      }
    })
  })
}

test.concurrent('all snippets compile under strict, with the published types of what they import', async () => {
  // Where they find what a file of this package finds.
  const compiled = await mkdtemp(join(root, 'integration/node_modules/.snippets-'))
  try {
    const snippets = (await Promise.all(pages.map(snippetsOf))).flat()
    const files = snippets.map((_, index) => `${index}.ts`)
    for (const [index, file] of files.entries()) {
      await writeFile(join(compiled, file), snippets[index] ?? '')
    }
    const tsconfig = { extends: join(root, 'integration/tsconfig.json'), files, include: [] }
    const config = { ...tsconfig, compilerOptions: { composite: false, incremental: false } }
    await writeFile(join(compiled, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    await runAt(process.execPath, [tsc, '--project', compiled], compiled)
  } finally {
    await rm(compiled, { recursive: true })
  }
})

test.each([
  ['packages/drill/README.md', 'integration/containers/own-suite.test.ts'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/shop.ts'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/vitest-example.ts'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/node-test-example.ts'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/jest-example.ts'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/strip-types.mjs'],
  ['packages/drill/KIT.md', 'integration/examples/own-ci/jest.config.mjs'],
  ['packages/drill/CI.md', 'integration/examples/own-ci/rotation-drill.yml'],
  ['packages/drill/CI.md', 'integration/examples/kubernetes/drill.yaml'],
  ...['knex', 'kysely', 'drizzle', 'typeorm', 'sequelize', 'prisma'].map((orm) => [
    'packages/drill/ORMS.md',
    `integration/examples/own-ci/${orm}.ts`,
  ]),
  ['packages/core/KUBERNETES.md', 'integration/examples/kubernetes/deployment.yaml'],
  ['packages/core/KUBERNETES.md', 'integration/examples/kubernetes/secret.yaml'],
  ['packages/pg/libraries/nestjs.md', 'integration/examples/nestjs/rekey-module.ts'],
  ['packages/pg/libraries/hot-reload.md', 'integration/examples/hot-reload/database.ts'],
] as [string, string][])('what %s prints is %s', async (page, file) => {
  const text = await readFile(join(root, page), 'utf8')
  const printed = [...text.matchAll(/^```(?:ts|js|yaml) test\n(.*?)^```$/gms)].map(
    ([, code]) => code,
  )
  expect(printed).toContain(await readFile(join(root, file), 'utf8'))
})

async function snippetsOf(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
}

/** Runs it as a module of this package, the way a user's file would be. */
async function runSnippet(snippet: string, { fill, env }: Setting): Promise<number | null> {
  // A pool that nobody ends keeps its process for as long as the driver's idle timeout.
  const args = ['--input-type=module-typescript', '--eval', fill(snippet)]
  const cwd = join(root, 'integration')
  const child = run(process.execPath, args, { cwd, env: { ...process.env, ...env } })
  await child
  return child.child.exitCode
}
