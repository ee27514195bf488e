import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run as runAt } from '../packaging/pack.ts'
import { diffsOf, pages, readPage, root, snippetsOf, type Snippet } from './pages.ts'
import { setUp, settingOf, type Setting, type SettingName } from './setting.ts'

const run = promisify(execFile)

const settings = new Map<SettingName, Setting>()

beforeAll(async () => {
  for (const page of pages) {
    for (const { code } of await snippetsOf(page)) {
      const name = settingOf(page, code)
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
      expect((await readPage(page)).split('\n').length).toBeLessThan(200)
    })

    test('has links that lead somewhere', async () => {
      const text = await readPage(page)
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        await expect(readFile(join(root, page, '..', target))).resolves.toBeDefined()
      }
    })

    test('runs, snippet by snippet, as it is printed', async () => {
      for (const snippet of await snippetsOf(page)) {
        const setting = settings.get(settingOf(page, snippet.code))!
        await expect(runSnippet(snippet, setting), snippet.code).resolves.toBe(0)
      }
    })

    test('says in a diff what is a part of the snippet below it', async () => {
      for (const { after, snippet } of await diffsOf(page)) {
        expect(linesNotIn(snippet, after), snippet).toEqual([])
      }
    })
  })
}

test.concurrent('all snippets compile under strict, with the published types of what they import, and so does what a diff says was before', async () => {
  const snippets = (await Promise.all(pages.map(snippetsOf))).flat()
  const diffs = (await Promise.all(pages.map(diffsOf))).flat()
  const programs = [...snippets, ...diffs.map(({ before }) => before)]
  const folders = new Map<string, string>()
  try {
    for (const folder of new Set(programs.map((program) => program.folder))) {
      folders.set(folder, await mkdtemp(join(folder, 'node_modules/.snippets-')))
    }
    const files = programs.map(({ folder }, index) => join(folders.get(folder)!, `${index}.ts`))
    for (const [index, file] of files.entries()) await writeFile(file, programs[index]?.code ?? '')
    const [compiled = ''] = folders.values()
    const tsconfig = { extends: join(root, 'integration/tsconfig.json'), files, include: [] }
    const config = { ...tsconfig, compilerOptions: { composite: false, incremental: false } }
    await writeFile(join(compiled, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    // Checkers beside one another would each check what all import.
    await runAt(process.execPath, [tsc, '--singleThreaded', '--project', compiled], compiled)
  } finally {
    for (const folder of folders.values()) await rm(folder, { recursive: true })
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
  const text = await readPage(page)
  const printed = [...text.matchAll(/^```(?:ts|js|yaml) test\n(.*?)^```$/gms)].map(
    ([, code]) => code,
  )
  expect(printed).toContain(await readFile(join(root, file), 'utf8'))
})

/** Those of some lines that are not in a text, or not in their order. */
function linesNotIn(text: string, some: string): string[] {
  const lines = text.split('\n')
  return some.split('\n').filter((line) => {
    if (line === '') return false
    const at = lines.indexOf(line)
    lines.splice(0, at + 1)
    return at === -1
  })
}

/** Runs it as a module of its folder, the way a user's file would be. */
async function runSnippet(
  { code, folder }: Snippet,
  { fill, env }: Setting,
): Promise<number | null> {
  // A pool that nobody ends keeps its process for as long as the driver's idle timeout.
  const args = ['--input-type=module-typescript', '--eval', fill(code)]
  const child = run(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } })
  await child
  return child.child.exitCode
}
