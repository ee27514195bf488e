import { inspect } from 'node:util'
import { createCredentials, fromFunction, RekeyError, type CredentialsCache } from '@rekey/core'
import mysql from 'mysql2'
import { describe, expect, test } from 'vitest'
import rekey, { rotatingMysql2 } from '../src/index.ts'
import promise from '../src/promise.ts'

const secret = 'hunter2-hunter2'
const overlap = 60_000
const credentials = createCredentials(
  fromFunction(() => ({ user: 'app', password: secret })),
  { overlap },
)

const server = { host: 'db.internal', database: 'app' }

/** Everything that takes a configuration beside credentials. */
const takers: Record<string, (config: object) => unknown> = {
  createPool: (config) => rekey.createPool({ ...config, credentials }),
  createConnection: (config) => rekey.createConnection({ ...config, credentials }).destroy(),
  'a node of createPoolCluster': (config) =>
    rekey.createPoolCluster().add('node', { ...config, credentials }),
  'createPool of /promise': (config) => promise.createPool({ ...config, credentials }),
  'a node of createPoolCluster of /promise': (config) =>
    promise.createPoolCluster().add({ ...config, credentials }),
  'createPool of rotatingMysql2': (config) => rotatingMysql2(credentials).createPool(config),
}

/** Those of them that make a pool. */
const { createConnection: _, ...poolTakers } = takers

/** What a call throws, which must tell what is wrong, and no secret. */
function refusalOf(call: () => unknown): RekeyError {
  let thrown: unknown
  try {
    call()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(RekeyError)
  const error = thrown as RekeyError
  expect(error.message).not.toBe('')
  expect(error.given).toBeTypeOf('string')
  expect(error.allowed).toBeTypeOf('string')
  const shown = [inspect(error, { depth: 9 }), JSON.stringify(error), error.message, error.stack]
  for (const text of shown) expect(text).not.toContain(secret)
  return error
}

describe.each(Object.entries(takers))('%s', (_name, take) => {
  test.each(['password', 'password1', 'password2', 'password3', 'passwordSha1'])(
    '%s is a conflict',
    (option) => {
      expect(refusalOf(() => take({ ...server, [option]: secret }))).toMatchObject({
        code: 'ERR_REKEY_CONFLICT',
        option,
      })
    },
  )

  test.each([
    `mysql://app:${secret}@db.internal/app`,
    `mysql://:${secret}@db.internal:3306/app?charset=utf8mb4`,
    `mysql://app:${secret}%40%2F@db.internal/app`,
    `mysql://app@db.internal/app?password1=${secret}`,
    `mysql://app@db.internal/app?passwordSha1=${secret}`,
  ])('a password in %s is a conflict', (uri) => {
    expect(refusalOf(() => take({ uri }))).toMatchObject({
      code: 'ERR_REKEY_CONFLICT',
      option: 'uri',
    })
  })

  test.each([`app:${secret}@db.internal`, `mysql://app:${secret}%zz@db.internal`, { url: secret }])(
    'a URL that cannot be read is refused, and not shown',
    (uri) => {
      const error = refusalOf(() => take({ uri }))
      expect(['ERR_REKEY_OPTION', 'ERR_REKEY_CONFLICT']).toContain(error.code)
      expect(error.option).toBe('uri')
    },
  )

  test.each([undefined, null, ''])('a password that is %s is none', (password) => {
    expect(() => take({ ...server, password })).not.toThrow()
  })

  test.each(['mysql://db.internal/app', 'mysql://app@db.internal/app', 'mysql://app:@db.internal'])(
    '%s is fine',
    (uri) => {
      expect(() => take({ uri })).not.toThrow()
    },
  )
})

describe.each(Object.entries(poolTakers))('the size of a pool: %s', (_name, take) => {
  test.each([-1, 1.5, NaN, Infinity, '', 'many', {}, true])(
    'connectionLimit: %s is refused',
    (connectionLimit) => {
      expect(refusalOf(() => take({ ...server, connectionLimit }))).toMatchObject({
        code: 'ERR_REKEY_OPTION',
        option: 'connectionLimit',
      })
    },
  )

  test.each([0, 1, 50, '5'])('connectionLimit: %s is fine', (connectionLimit) => {
    expect(() => take({ ...server, connectionLimit })).not.toThrow()
  })
})

describe('what stands for credentials', () => {
  const notCaches = [null, secret, 5, {}, { user: 'app', password: secret }, () => secret, []]
  test.each(notCaches)('%o is not a cache', (given) => {
    const wrong = { ...server, credentials: given as unknown as CredentialsCache }
    for (const call of [
      () => rekey.createPool(wrong),
      () => rekey.createConnection(wrong),
      () => rekey.createPoolCluster().add('node', wrong),
      () => promise.createPool(wrong),
      () => rotatingMysql2(given as unknown as CredentialsCache),
    ]) {
      expect(refusalOf(call)).toMatchObject({ code: 'ERR_REKEY_OPTION', option: 'credentials' })
    }
  })
})

describe('rotation and endDeadline', () => {
  test.each([
    ['rotation', null],
    ['rotation', 'fast'],
    ['rotation.atOnce', { atOnce: 0 }],
    ['rotation.surge', { surge: -1 }],
    ['rotation.closeDeadline', { closeDeadline: NaN }],
    ['rotation.atDrainDeadline', { atDrainDeadline: 'kill' }],
  ])('%s that is not allowed is refused', (option, rotation) => {
    expect(refusalOf(() => takers['createPool']?.({ ...server, rotation }))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option,
    })
  })

  test('a rotation that does not fit into the overlap window is refused', () => {
    expect(
      refusalOf(() => takers['createPool']?.({ ...server, rotation: { spread: overlap } })),
    ).toMatchObject({
      code: 'ERR_REKEY_BUDGET',
      option: 'rotation.spread',
    })
  })

  test.each([-1, NaN, Infinity, 2 ** 31, '1'])('endDeadline: %s is refused', (endDeadline) => {
    expect(refusalOf(() => takers['createPool']?.({ ...server, endDeadline }))).toMatchObject({
      code: 'ERR_REKEY_OPTION',
      option: 'endDeadline',
    })
  })
})

describe('copies of mysql2', () => {
  test.each([
    ['a driver that is too old', { ...mysql, Pool: Object }],
    ['the module of another driver', {}],
  ])('%s is refused', (_what, copy) => {
    expect(
      refusalOf(() => rotatingMysql2(credentials, copy as unknown as typeof mysql)),
    ).toMatchObject({ code: 'ERR_REKEY_DRIVER', option: 'mysql2' })
  })

  test('a cluster that refuses a node stays as it was', () => {
    const cluster = rekey.createPoolCluster()
    const wrong = { ...server, credentials, password: secret }
    expect(refusalOf(() => cluster.add('node', wrong)).option).toBe('password')
    expect((cluster as unknown as { _nodes: object })._nodes).toEqual({})
  })
})
