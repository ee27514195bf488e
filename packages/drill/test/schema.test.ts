import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import schema from '../report.schema.json' with { type: 'json' }
import { aReport, aRun } from './a-report.ts'

const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema)
const first = { unit: 'query', rotation: 1, atMs: 1_500 }
const errors = [{ code: '57P01', message: 'terminated', count: 2, first }]
const nothing = { p50: null, p99: null, max: null }

test('a report has the published schema', () => {
  const stock = aRun({ pool: 'stock', errors, latencyMs: { steady: nothing, rotating: nothing } })
  expect(isValid(aReport(aRun(), stock)), JSON.stringify(isValid.errors)).toBe(true)
})

test('the schema says no to whatever lacks something or has something else', () => {
  const report = aReport(aRun({ errors }))
  const objects = (value: object): object[] => [
    value,
    ...Object.values(value)
      .filter((each) => typeof each === 'object' && each !== null)
      .flatMap((each) => objects(each as object)),
  ]
  const all = objects(report).filter((each) => !Array.isArray(each)) as Record<string, unknown>[]
  expect(all.length).toBe(7)
  for (const each of all) {
    for (const [name, value] of Object.entries(each)) {
      delete each[name]
      expect(isValid(report), `without ${name}`).toBe(false)
      each[name] = Symbol(name)
      expect(isValid(report), `with another ${name}`).toBe(false)
      each[name] = value
    }
    each['more'] = 1
    expect(isValid(report), `with more than ${Object.keys(each).join()}`).toBe(false)
    delete each['more']
  }
  expect(isValid(report)).toBe(true)
  expect(isValid([report, report])).toBe(true)
  expect(isValid([report, {}])).toBe(false)
})
