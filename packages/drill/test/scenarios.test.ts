import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { scenarioNames, scenarios } from '../src/scenarios/index.ts'

const page = readFileSync(new URL('../SCENARIOS.md', import.meta.url), 'utf8')

test('the page says of each scenario what the command says', () => {
  const printed = [...page.matchAll(/^\| `(\S+)` +\| (.*?) +\|$/gm)].map(([, name, sentence]) => ({
    name,
    sentence,
  }))
  expect(printed).toEqual(
    scenarioNames.map((name) => ({ name, sentence: scenarios[name].sentence })),
  )
})

test.each(scenarioNames)('%s is known by its name', (name) => {
  expect(scenarios[name].name).toBe(name)
})
