import { expect, test } from 'vitest'
import { freePorts } from '../src/servers/free-ports.ts'

test('no port is given twice before its server could listen', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, () => freePorts(5)))
  // By chance alone a dozen of so many would be.
  expect(new Set(ports.flat()).size).toBe(500)
})
