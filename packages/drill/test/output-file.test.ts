import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UsageError } from '../src/arguments.ts'
import { DrillError } from '../src/error.ts'
import { checkWritable, writeReport } from '../src/output-file.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'output-file-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

test('to look whether a file can be written neither makes one nor changes one', async () => {
  const [fresh, old] = [join(folder, 'fresh.html'), join(folder, 'old.html')]
  writeFileSync(old, 'old')
  for (const file of [fresh, old]) await checkWritable('--report', file)
  expect(existsSync(fresh)).toBe(false)
  expect(readFileSync(old, 'utf8')).toBe('old')
})

test.each([
  ['no folder', () => join(folder, 'nowhere', 'page.html'), 'ENOENT'],
  ['a folder', () => folder, 'EISDIR'],
  ['a file as folder', () => join(import.meta.filename, 'page.html'), 'ENOTDIR'],
])('%s is refused with the option, the name and the reason', async (_, file, reason) => {
  const refused = checkWritable('--report', file())
  await expect(refused).rejects.toThrow(UsageError)
  await expect(refused).rejects.toThrow(`--report: ${file()} cannot be written. ${reason}`)
})

test('what cannot be written after all is said in the same way', async () => {
  const file = join(folder, 'gone', 'page.html')
  const written = writeReport('--report', file, 'a page')
  await expect(written).rejects.toThrow(DrillError)
  await expect(written).rejects.toThrow(`--report: ${file} could not be written. ENOENT`)
})
