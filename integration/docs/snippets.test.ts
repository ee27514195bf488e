import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { setUp, settingOf, type Setting, type SettingName } from './setting.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = ['README.md', ...globSync('packages/*/README.md', { cwd: root })]
const run = promisify(execFile)

const settings = new Map<SettingName, Setting>()

beforeAll(async () => {
  for (const name of new Set(pages.map(settingOf))) settings.set(name, await setUp(name))
})

afterAll(async () => {
  for (const setting of settings.values()) await setting[Symbol.asyncDispose]()
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
      await expect(runSnippet(snippet, settings.get(settingOf(page))!), snippet).resolves.toBe(0)
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
async function runSnippet(snippet: string, { fill, env }: Setting): Promise<number | null> {
  // A pool that nobody ends keeps its process for as long as the driver's idle timeout.
  const args = ['--input-type=module-typescript', '--eval', fill(snippet)]
  const cwd = join(root, 'integration')
  const child = run(process.execPath, args, { cwd, env: { ...process.env, ...env } })
  await child
  return child.child.exitCode
}
