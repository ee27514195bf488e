import { createRequire } from 'node:module'
import { createCredentials, fromFunction } from '@rekey/core'
import mysql from 'mysql2'
import promise from 'mysql2/promise'
import { expect, test } from 'vitest'
import * as named from '../src/index.ts'
import * as namedPromise from '../src/promise.ts'

const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: 'pw' })),
  { overlap: 60_000 },
)

/** What of a module is ours, by name. */
function oursOf(module: object, driver: object): string[] {
  const names = Object.getOwnPropertyNames(driver).filter((name) => name !== 'prototype')
  expect(Object.getOwnPropertyNames(module)).toEqual(expect.arrayContaining(names))
  const [ours, theirs] = [module, driver] as Record<string, unknown>[]
  return names.filter((name) => ours?.[name] !== theirs?.[name]).toSorted()
}

const makers = [
  ...['connect', 'createConnection', 'createConnectionPromise', 'createPool'],
  ...['createPoolCluster', 'createPoolClusterPromise', 'createPoolPromise'],
]

test.each([
  ['the default export', named.default, makers],
  // Who takes it for a driver of PostgreSQL makes a Pool.
  ['rotatingMysql2', named.rotatingMysql2(credentials), ['Pool', ...makers]],
])('%s has all that the driver has, and what makes a connection is ours', (_name, module, ours) => {
  expect(oursOf(module, mysql)).toEqual(ours)
})

test('the same with promises', () => {
  const ours = ['createConnection', 'createPool', 'createPoolCluster']
  expect(oursOf(namedPromise.default, promise)).toEqual(ours)
})

test.each([
  ['mysql2', named, () => import('mysql2')],
  ['mysql2/promise', namedPromise, () => import('mysql2/promise')],
] as const)(
  'every name that %s exports is there, as in the default export',
  async (_name, module, load) => {
    const names = Object.keys(await load()).filter((name) => name !== 'module.exports')
    expect(Object.keys(module)).toEqual(expect.arrayContaining(names))
    const { default: whole, ...rest } = module as unknown as Record<string, unknown>
    const own = Object.entries(rest).filter(([name]) => name !== 'rotatingMysql2')
    for (const [name, value] of own)
      expect([name, value === (whole as typeof rest)[name]]).toEqual([name, true])
  },
)

test.each(['@rekey/mysql2', '@rekey/mysql2/promise'])(
  'require gives the functions of %s too',
  (name) => {
    const { createPool, default: whole } = createRequire(import.meta.url)(name) as {
      createPool: unknown
      default: { createPool: unknown }
    }
    expect(createPool).toBeTypeOf('function')
    expect(whole.createPool).toBe(createPool)
  },
)
