import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import { RekeyError, type CredentialsCache, type Load, type LoadedCredentials } from '@rekey/core'
import mysql from '@rekey/mysql2'
import rekeyPromise from '@rekey/mysql2/promise'
import promise from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { hastyCache } from '../hasty-cache.ts'
import { userOf } from './asking.ts'
import { openStage } from './stage.ts'
import { borrow, called } from './three-ways.ts'

const secret = 'hunter2-hunter2'

/** Every way to ask for a connection with credentials; each gives back what it fails with. */
const asking: Record<string, (stage: Stage, credentials: CredentialsCache) => Promise<unknown>> = {
  async createPool({ address }, credentials) {
    const pool = mysql.createPool({ ...address, credentials })
    const failure = await borrow(pool).catch((error: unknown) => error)
    await called((callback) => pool.end(callback))
    return failure
  },
  async createConnection({ address }, credentials) {
    const connection = mysql.createConnection({ ...address, credentials })
    return (await called((callback) => connection.connect(callback)))[0]
  },
  'createConnection of /promise': ({ address }, credentials) =>
    rekeyPromise.createConnection({ ...address, credentials }).catch((error: unknown) => error),
  async 'a node of createPoolCluster'({ address }, credentials) {
    const cluster = rekeyPromise.createPoolCluster()
    cluster.add('node', { ...address, credentials })
    const failure = await cluster.getConnection('node').catch((error: unknown) => error)
    await cluster.end()
    return failure
  },
}

describe.each(Object.entries(asking))('what a source does wrong, seen from %s', (_name, ask) => {
  const answers: [what: string, load: Load, code: string][] = [
    ['throws', () => Promise.reject(new Error('down')), 'ERR_REKEY_LOAD'],
    ['never answers', () => new Promise(() => {}), 'ERR_REKEY_LOAD_DEADLINE'],
    ['answers nothing', () => undefined as unknown as LoadedCredentials, 'ERR_REKEY_ANSWER'],
    ['has no password', () => ({ user: 'app', password: '' }), 'ERR_REKEY_ANSWER'],
    ['has no user', () => ({ user: '', password: secret }), 'ERR_REKEY_ANSWER'],
  ]
  test.each(answers)(
    'a source that %s: the caller hears of it, and nothing is dialled',
    async (_what, load, code) => {
      await using stage = await openStage()
      await using credentials = hastyCache(load)
      const failure = await ask(stage, credentials)
      expect(failure).toBeInstanceOf(RekeyError)
      expect(failure).toMatchObject({ code })
      expect(inspect(failure, { depth: 9 })).not.toContain(secret)
      expect(stage.proxy.total).toBe(0)
    },
  )

  test('a wrong password is the error of the server, and is not shown', async () => {
    await using stage = await openStage()
    const { user } = stage.account
    await using credentials = hastyCache(() => ({ user, password: secret }))
    const failure = await ask(stage, credentials)
    expect(failure).toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 })
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(secret)
  })

  test('a cache that was closed before its first load says so', async () => {
    await using stage = await openStage()
    const credentials = hastyCache(() => stage.account)
    await credentials.close()
    expect(await ask(stage, credentials)).toMatchObject({ code: 'ERR_REKEY_CLOSED' })
  })
})

describe('a connection of elsewhere', () => {
  const foreign = { code: 'ERR_REKEY_DRIVER', option: 'connection' }

  test('is not taken back by another pool', async () => {
    await using stage = await openStage()
    const { address, credentials } = stage
    const [one, other] = [0, 1].map(() => mysql.createPool({ ...address, credentials }))
    if (one === undefined || other === undefined) throw new Error('unreachable')
    const connection = await borrow(one)
    expect(() => other.releaseConnection(connection)).toThrow(expect.objectContaining(foreign))
    one.releaseConnection(connection)
    expect(await userOf(one.promise())).toBe(stage.account.user)
    await Promise.all([one, other].map((pool) => called((callback) => pool.end(callback))))
  })

  test('of another copy of mysql2 is refused, where the driver would leave it lent', async () => {
    await using stage = await openStage()
    const { address, account, credentials } = stage
    const require = createRequire(import.meta.url)
    const copies = ['mysql2/promise', 'mysql2-floor/promise'].map(
      (name) => require(name) as typeof promise,
    )
    const copy = copies.find(({ createPool }) => createPool !== promise.createPool)
    if (copy === undefined) throw new Error('There is one copy only.')
    await using theirs = copy.createPool({ ...address, ...account })
    await using ours = rekeyPromise.createPool({ ...address, credentials })
    await ours.query('SELECT 1')
    const connection = await theirs.getConnection()
    expect(() => ours.releaseConnection(connection)).toThrow(expect.objectContaining(foreign))
    connection.release()
  })
})
