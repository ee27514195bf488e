import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { createCredentials, type LoadedCredentials } from '../../src/index.ts'
import { fromCommand } from '../../src/sources/command.ts'
import { listen, rejection } from '../listen.ts'
import { folder } from './folder.ts'

const overlap = 60_000

/** A program that runs this code. */
function program(code: string, ...words: string[]) {
  return fromCommand(process.execPath, ['--eval', code, '--', ...words])
}

async function load(source: ReturnType<typeof fromCommand>): Promise<LoadedCredentials> {
  return source.load({ signal: AbortSignal.timeout(20_000) })
}

test('what a program prints is the pair, with its version and expiry', async () => {
  const answer = { username: 'app', password: 'pw', version: 7, expiresAt: '2030-01-01T00:00:00Z' }
  expect(await load(program(`console.log(${JSON.stringify(JSON.stringify(answer))})`))).toEqual({
    user: 'app',
    password: 'pw',
    version: '7',
    expiresAt: new Date(Date.UTC(2030, 0, 1)),
  })
})

test('there is no shell: every word arrives as it is', async () => {
  const word = '$(id) `id` ; exit 3 "quoted" *'
  const code = 'console.log(JSON.stringify({ user: process.argv[1], password: "pw" }))'
  expect((await load(program(code, word))).user).toBe(word)
})

test.each([
  ['process.exit(3)', 'exit code 3'],
  ['process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 10_000)', 'killed by SIGTERM'],
])('%s is told as %s, without a word of what it printed', async (code, detail) => {
  const error = await rejection(
    load(program(`console.error("hunter2"); console.log("hunter2"); ${code}`)),
  )
  const message: unknown = expect.stringContaining(detail)
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', given: 'an error of the store', message })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('a program that is not there, or may not be started, is told as such', async () => {
  const missing = join(await folder(), 'missing')
  expect(await rejection(load(fromCommand(missing)))).toMatchObject({
    given: 'not found',
    option: missing,
  })
  const below = join(process.execPath, 'missing')
  expect(await rejection(load(fromCommand(below)))).toMatchObject({ given: 'not found' })
  const forbidden = join(await folder(), 'forbidden')
  await writeFile(forbidden, '')
  await chmod(forbidden, 0o644)
  expect(await rejection(load(fromCommand(forbidden)))).toMatchObject({ given: 'forbidden' })
})

test.each([
  ['nothing', ''],
  ['plain text', 'console.log("hunter2")'],
  ['no user', 'console.log(JSON.stringify({ password: "hunter2" }))'],
  ['10 MB', 'console.log(JSON.stringify({ user: "a", password: "hunter2".repeat(1_500_000) }))'],
])('a program that prints %s is refused without a word of it', async (_what, code) => {
  listen('rekey:refresh-error')
  await using cache = createCredentials(program(code), {
    overlap,
    loadDeadline: 20_000,
    ttl: 20_000,
  })
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER' })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('a program that hangs is killed at the deadline', async () => {
  listen('rekey:refresh-error')
  const pidFile = join(await folder(), 'pid')
  const code = `process.on('SIGTERM', () => {}); fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    setInterval(() => {}, 1_000)`
  await using cache = createCredentials(program(code), { overlap, loadDeadline: 1_000 })
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
  const pid = Number(await readFile(pidFile, 'utf8'))
  expect(pid).toBeGreaterThan(0)
  await expect.poll(() => isAlive(pid)).toBe(false)
})

test('what a program leaves behind is not listened to after the deadline', async () => {
  listen('rekey:refresh-error')
  const pidFile = join(await folder(), 'pid')
  // It lives as long as somebody reads what it prints.
  const talker = `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    setInterval(() => console.log('still here'), 50)`
  const code = `require('node:child_process')
    .spawn(process.execPath, ['--eval', ${JSON.stringify(talker)}], { stdio: 'inherit' }).unref()`
  await using cache = createCredentials(program(code), { overlap, loadDeadline: 2_000 })
  expect(await rejection(cache.get())).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
  const pid = Number(await readFile(pidFile, 'utf8'))
  onTestFinished(() => void (isAlive(pid) && process.kill(pid)))
  await expect.poll(() => isAlive(pid)).toBe(false)
})

test('a program that waits for an input has none', async () => {
  const code = `process.stdin.resume().on('end', () => console.log('{ "user": "app", "password": "pw" }'))`
  expect(await load(program(code))).toMatchObject({ user: 'app' })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.each<[unknown, unknown, string]>([
  ['', [], 'program'],
  [undefined, [], 'program'],
  ['p', 'word', 'words'],
  ['p', [1], 'words'],
])('%j with %j is refused at once', (name, words, option) => {
  expect(() => fromCommand(name as string, words as string[])).toThrow(
    expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }),
  )
})
