import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cached } from '../src/servers/cached.ts'
import { giveData } from '../src/servers/data-folder.ts'

let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'rekey-cached-'))
  vi.stubEnv('REKEY_CACHE', cache)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true })
})

/** Makes a folder with one file in it. */
async function make(work: string, content: string): Promise<string> {
  const made = join(work, 'data')
  await mkdir(made)
  await writeFile(join(made, 'file'), content)
  return made
}

test('a folder is made once, and reused from then on', async () => {
  const first = await cached('one', (work) => make(work, 'made'))
  const again = await cached('one', () => Promise.reject(new Error('made again')))
  expect(again).toBe(first)
  expect(await readFile(join(first, 'file'), 'utf8')).toBe('made')
  expect(await readdir(cache)).toEqual(['one'])
})

test('of those who make it at once, one does, and all get that', async () => {
  const all = await Promise.all(
    ['a', 'b', 'c'].map((name) => cached('one', (work) => make(work, name))),
  )
  expect(new Set(all).size).toBe(1)
  expect(await readFile(join(all[0]!, 'file'), 'utf8')).toMatch(/^[abc]$/)
  expect(await readdir(cache)).toEqual(['one'])
})

test('one whose making fails is not there, and made by the next', async () => {
  await expect(cached('one', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room')
  expect(await readdir(cache)).toEqual([])
  const made = await cached('one', (work) => make(work, 'made'))
  expect(await readFile(join(made, 'file'), 'utf8')).toBe('made')
})

test('what somebody left who was killed goes after an hour', async () => {
  for (const [name, minutes] of [
    ['making-old', 61],
    ['making-new', 59],
    ['other', 61],
  ] as const) {
    const then = new Date(Date.now() - minutes * 60_000)
    await mkdir(join(cache, name))
    await utimes(join(cache, name), then, then)
  }
  await cached('one', (work) => make(work, 'made'))
  expect(await readdir(cache)).toEqual(['making-new', 'one', 'other'])
})

test('each server gets data of its own, made once for each version and recipe', async () => {
  let made = 0
  const give = async (version: string, of: string): Promise<string> => {
    const folder = await mkdtemp(join(cache, 'server-'))
    const recipe = { server: 'mysql', version, of }
    await giveData({ ...recipe, make: (work) => make(work, String((made += 1))) }, folder)
    const file = join(folder, 'data', 'file')
    const content = await readFile(file, 'utf8')
    await writeFile(file, 'changed by its server')
    return content
  }
  expect([await give('9.7.0', 'a'), await give('9.7.0', 'a')]).toEqual(['1', '1'])
  expect([await give('9.7.1', 'a'), await give('9.7.0', 'b')]).toEqual(['2', '3'])
  expect(await give('9.7.0', 'a')).toBe('1')
})
