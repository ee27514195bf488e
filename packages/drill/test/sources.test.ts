import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../../', import.meta.url))
const sources = globSync('*/src/**/*.ts', { cwd: packages })

test('no package declares by using, which is a syntax error to Node 22 where it runs the sources as they are', async () => {
  expect(sources.length).toBeGreaterThan(100)
  const texts = await Promise.all(sources.map((path) => readFile(packages + path, 'utf8')))
  const declares = /^\s*(?:await )?using \w+ = /m
  expect(sources.filter((_, place) => declares.test(texts[place] ?? ''))).toEqual([])
})
