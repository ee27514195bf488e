import { createRequire } from 'node:module'
import { createCredentials, fromFunction } from '@rekey/core'
import pg from 'pg'
import { expect, test } from 'vitest'
import * as named from '../src/index.ts'

const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: 'pw' })),
  { overlap: 60_000 },
)

test.each([
  ['the default export', named.default],
  ['rotatingPg', named.rotatingPg(credentials)],
])('%s has all that the driver has, and a Pool and a Client of ours', (_name, module) => {
  expect(Object.keys(module)).toEqual(expect.arrayContaining(Object.keys(pg)))
  const { Pool, Client, native: _ours, ...rest } = module
  const { Pool: driverPool, Client: driverClient, native: _theirs, ...driverRest } = pg
  expect(rest).toEqual(driverRest)
  expect(Pool.prototype).toBeInstanceOf(driverPool)
  expect(Client.prototype).toBeInstanceOf(driverClient)
  expect([Pool.name, Client.name]).toEqual(['Pool', 'Client'])
})

test('the default export leaves pg-native to the driver, and rotatingPg does not let it through', () => {
  const native = { a: 'stand-in' }
  const before = Object.getOwnPropertyDescriptor(pg, 'native') as PropertyDescriptor
  Object.defineProperty(pg, 'native', { configurable: true, get: () => native })
  try {
    expect(named.default.native).toBe(native)
    expect(Object.keys(named.default)).not.toContain('native')
    expect(named.rotatingPg(credentials).native).toBeNull()
  } finally {
    Object.defineProperty(pg, 'native', { ...before, configurable: true })
  }
})

test('every name that the driver exports is there, and those of the default export', async () => {
  const driver = Object.keys(await import('pg'))
  expect(Object.keys(named)).toEqual(expect.arrayContaining(driver))
  expect(named.Pool).toBe(named.default.Pool)
  expect(named.Client).toBe(named.default.Client)
})

test('require gives the classes too', () => {
  const required = createRequire(import.meta.url)('@rekey/pg') as typeof named
  expect([required.Pool.name, required.Client.name]).toEqual(['Pool', 'Client'])
  expect(required.default.Pool).toBe(required.Pool)
})
