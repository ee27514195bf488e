import mysql2 from 'mysql2/package.json' with { type: 'json' }
import { expect, inject, test } from 'vitest'

test('these tests run against the version of mysql2 that the project names', () => {
  expect(mysql2.version).toBe(inject('driverVersion'))
})
