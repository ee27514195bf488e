import pg from 'pg/package.json' with { type: 'json' }
import { expect, inject, test } from 'vitest'

test('these tests run against the version of pg that the project names', () => {
  expect(pg.version).toBe(inject('driverVersion'))
})
