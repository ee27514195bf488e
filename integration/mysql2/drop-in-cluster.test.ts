import mysql, { type RowDataPacket } from 'mysql2'
import { expect, test } from 'vitest'
import { startProxy } from '../servers/proxy.ts'
import { called, letTimePass, recordEvents, threeWays } from './three-ways.ts'

type QueryValues = [error: Error & { code?: string }, rows: RowDataPacket[]]
type GetValues = [error: NodeJS.ErrnoException | null, connection: mysql.PoolConnection]

const events = ['online', 'offline', 'remove', 'warn']
const { PoolCluster } = mysql as unknown as { PoolCluster: new () => mysql.PoolCluster }

threeWays((way, setting) => {
  /** A cluster that ends with its block. */
  function open(options?: mysql.PoolClusterOptions): mysql.PoolCluster & AsyncDisposable {
    const cluster = way.cluster(options)
    return Object.assign(cluster, {
      [Symbol.asyncDispose]: async () => void (await called((callback) => cluster.end(callback))),
    })
  }

  test('a cluster is an instance of the class of the driver', async () => {
    await using cluster = open()
    expect(cluster).toBeInstanceOf(PoolCluster)
    expect(cluster.constructor.name).toBe('PoolCluster')
  })

  test('nodes are added with and without a name, and found by patterns', async () => {
    await using cluster = open()
    cluster.add('primary', way.config())
    cluster.add('replica1', way.config())
    cluster.add(way.config())
    const asked = new Set<unknown>()
    for (const pattern of ['primary', 'replica*', 'CLUSTER::*']) {
      const [error, connection] = await get(cluster.of(pattern))
      expect(error).toBeNull()
      asked.add((connection as unknown as { _clusterId: string })._clusterId)
      connection.release()
    }
    expect([...asked]).toEqual(['primary', 'replica1', 'CLUSTER::1'])
  })

  test('the selectors choose as the driver does', async () => {
    await using cluster = open({ defaultSelector: 'RR' })
    for (const name of ['a', 'b', 'c']) cluster.add(name, way.config())
    const choices = async (selector: string): Promise<string> => {
      let chosen = ''
      for (let call = 0; call < 6; call += 1) {
        const [, connection] = await get(cluster.of('*', selector))
        chosen += (connection as unknown as { _clusterId: string })._clusterId
        connection.release()
      }
      return chosen
    }
    expect(await choices('RR')).toBe('abcabc')
    expect(await choices('ORDER')).toBe('aaaaaa')
    expect(await choices('RANDOM')).toMatch(/^[abc]{6}$/)
  })

  test('a namespace queries and executes', async () => {
    await using cluster = open()
    cluster.add('a', way.config())
    const namespace = cluster.of('a')
    const sql = 'SELECT ? AS one'
    for (const [error, rows] of [
      await called<QueryValues>((callback) => namespace.query(sql, [1], callback as never)),
      await called<QueryValues>((callback) => namespace.execute(sql, [1], callback as never)),
    ]) {
      expect(error).toBeNull()
      expect(rows).toMatchObject([{ one: 1 }])
    }
  })

  test('a pattern that no node has gives the error of the driver', async () => {
    await using cluster = open()
    cluster.add('a', way.config())
    expect((await get(cluster.of('nowhere')))[0]).toMatchObject({
      code: 'POOL_NOEXIST',
      message: 'Pool does Not exist.',
    })
  })

  test('a node that cannot be reached leaves after its strikes, and others serve', async () => {
    await using cluster = open({ removeNodeErrorCount: 2 })
    const heard = recordEvents(cluster, events)
    cluster.add('bad', way.config({ port: 1 }))
    cluster.add('good', way.config())
    for (let call = 0; call < 4; call += 1) {
      const [error, connection] = await get(cluster.of('*', 'ORDER'))
      expect(error).toBeNull()
      connection.release()
    }
    // A warning for each try, and the departure with the second.
    expect(heard).toEqual(['warn', 'remove', 'warn'])
  })

  test('with restoreNodeTimeout a node goes offline, and is online again when it has answered', async () => {
    const { host, port } = setting.place
    await using proxy = await startProxy({ host, port })
    const anHour = 60 * 60_000
    await using cluster = open({
      ...{ removeNodeErrorCount: 1, restoreNodeTimeout: anHour, canRetry: false },
    })
    const heard: unknown[] = []
    for (const name of events) cluster.on(name, (what) => heard.push([name, what]))
    cluster.add('node', way.config({ port: proxy.port }))
    const namespace = cluster.of('node')
    proxy.cutLogins = 1
    expect((await get(namespace))[0]).toBeInstanceOf(Error)
    expect(heard).toEqual([['offline', 'node']])
    expect((await get(namespace))[0]).toMatchObject({ code: 'POOL_NONEONLINE' })
    expect(proxy.total).toBe(1)
    letTimePass(cluster)
    const [error, connection] = await get(namespace)
    expect(error).toBeNull()
    expect(heard.slice(1)).toEqual([['online', 'node']])
    connection.release()
    ;(await get(namespace))[1].release()
    expect(heard).toHaveLength(2)
  })

  test('a node that is added twice stays the first', async () => {
    await using cluster = open()
    cluster.add('a', way.config())
    cluster.add('a', way.config({ port: 1 }))
    const [error, connection] = await get(cluster.of('a'))
    expect(error).toBeNull()
    connection.release()
  })

  test('remove takes nodes out', async () => {
    await using cluster = open()
    cluster.add('a', way.config())
    cluster.add('b', way.config())
    cluster.remove('a')
    expect((await get(cluster.of('a')))[0]).toMatchObject({ code: 'POOL_NOEXIST' })
    const [error, connection] = await get(cluster)
    expect(error).toBeNull()
    connection.release()
  })

  test('a cluster of promises does the same', async () => {
    const cluster = way.promiseCluster()
    cluster.add('a', way.config())
    cluster.add(way.config())
    const connection = await cluster.getConnection('a')
    const [rows] = await connection.query<RowDataPacket[]>('SELECT 1 AS one')
    expect(rows).toMatchObject([{ one: 1 }])
    connection.release()
    const [others] = await cluster.of('CLUSTER*').query<RowDataPacket[]>('SELECT 2 AS two')
    expect(others).toMatchObject([{ two: 2 }])
    await expect(cluster.getConnection('nowhere')).rejects.toMatchObject({ code: 'POOL_NOEXIST' })
    await cluster.end()
  })
})

function get(from: {
  getConnection(callback: (...values: GetValues) => void): void
}): Promise<GetValues> {
  return called<GetValues>((callback) => from.getConnection(callback))
}
