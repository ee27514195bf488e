import { systemClock } from '@rekey/core'
import mysql from '@rekey/mysql2/promise'
import { expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import { until } from '../until.ts'
import { userOf } from './asking.ts'
import { goneOver, openStage } from './stage.ts'
import { letTimePass, recordEvents } from './three-ways.ts'

const events = ['online', 'offline', 'remove', 'warn']

test('each node verifies for itself, and goes over', async () => {
  await using one = await openStage()
  await using other = await openStage()
  using messages = recordMessages()
  const cluster = mysql.createPoolCluster()
  for (const [name, { address, credentials }] of Object.entries({ one, other })) {
    cluster.add(name, { ...address, credentials, connectionLimit: 2, rotation: { spread: 0 } })
  }
  const ask = (node: string): Promise<string> => userOf(cluster.of(node))
  expect([await ask('one'), await ask('other')]).toEqual([one.account.user, other.account.user])
  await one.rotate()
  await goneOver(cluster)
  expect([await ask('one'), await ask('other')]).toEqual([one.account.user, other.account.user])
  await other.rotate()
  await goneOver(cluster)
  expect([await ask('one'), await ask('other')]).toEqual([one.account.user, other.account.user])
  expect(messages.of('rekey:verified')).toHaveLength(4)
  await cluster.end()
  expect([one.proxy.open, other.proxy.open]).toEqual([0, 0])
})

test('a node never leaves because of its credentials, and comes back by itself', async () => {
  await using stage = await openStage()
  const cluster = mysql.createPoolCluster({ removeNodeErrorCount: 2 })
  const heard = recordEvents(cluster, events)
  const { address, credentials } = stage
  stage.store.publish({ user: stage.account.user, password: 'wrong' })
  cluster.add('node', { ...address, credentials })
  for (let call = 0; call < 6; call += 1) {
    const before = (await stage.place.refusedLogins()).length
    const asking = cluster.getConnection('node').catch((error: unknown) => error)
    await until('the refusal', async () => (await stage.place.refusedLogins()).length > before)
    await until('the dial to end', () => stage.proxy.open === 0)
    await stage.clock.advance(credentials.timings.loginDeadline)
    expect(await asking).toMatchObject({ errno: 1045 })
    await stage.clock.advance(60_000)
  }
  stage.store.publish(stage.account)
  await credentials.refresh()
  const connection = await cluster.getConnection('node')
  expect(await userOf(connection)).toBe(stage.account.user)
  connection.release()
  expect(heard).toEqual([])
  await cluster.end()
})

test('a node does not go offline because of its credentials, and one that is offline comes back with a login only', async () => {
  await using stage = await openStage()
  const { address, credentials, account, store, clock, proxy } = stage
  const cluster = mysql.createPoolCluster({
    ...{ removeNodeErrorCount: 1, restoreNodeTimeout: 60 * 60_000, canRetry: false },
  })
  const heard = recordEvents(cluster, events)
  cluster.add('node', { ...address, credentials })
  const expectRefusal = async (): Promise<void> => {
    const before = (await stage.place.refusedLogins()).length
    const asking = cluster.getConnection('node').catch((error: unknown) => error)
    await until('the refusal', async () => (await stage.place.refusedLogins()).length > before)
    await until('the dial to end', () => proxy.open === 0)
    await clock.advance(credentials.timings.loginDeadline)
    expect(await asking).toMatchObject({ errno: 1045 })
    await clock.advance(60_000)
  }
  store.publish({ user: account.user, password: 'wrong' })
  await expectRefusal()
  expect(heard).toEqual([])
  store.publish(account)
  await credentials.refresh()
  proxy.cutLogins = 1
  await expect(cluster.getConnection('node')).rejects.toThrow()
  expect(heard).toEqual(['offline'])
  letTimePass((cluster as unknown as { poolCluster: object }).poolCluster)
  store.publish({ user: account.user, password: 'wrong' })
  await credentials.refresh()
  await expectRefusal()
  expect(heard).toEqual(['offline'])
  store.publish(account)
  await credentials.refresh()
  ;(await cluster.getConnection('node')).release()
  expect(heard).toEqual(['offline', 'online'])
  await cluster.end()
})

test('a caller goes on to the other nodes where the credentials of one fail', async () => {
  await using bad = await openStage({ clock: systemClock })
  await using good = await openStage()
  bad.store.mood = 'fails'
  const cluster = mysql.createPoolCluster({ removeNodeErrorCount: 2, defaultSelector: 'ORDER' })
  const heard = recordEvents(cluster, events)
  cluster.add('bad', { ...bad.address, credentials: bad.credentials })
  cluster.add('good', { ...good.address, credentials: good.credentials })
  for (let call = 0; call < 5; call += 1) {
    expect(await userOf(cluster.of('*'))).toBe(good.account.user)
  }
  expect(heard).toEqual(Array.from({ length: 5 }, () => 'warn'))
  bad.store.mood = 'answers'
  expect(await userOf(cluster.of('*'))).toBe(bad.account.user)
  await cluster.end()
})

test('where the credentials of all nodes fail, the caller gets the last error', async () => {
  await using stage = await openStage({ clock: systemClock })
  stage.store.mood = 'fails'
  const cluster = mysql.createPoolCluster()
  const { address, credentials } = stage
  for (const name of ['a', 'b']) cluster.add(name, { ...address, credentials })
  await expect(cluster.getConnection()).rejects.toMatchObject({ code: 'ERR_REKEY_LOAD' })
  await cluster.end()
})

test('nodes with and without credentials live together', async () => {
  await using stage = await openStage()
  const cluster = mysql.createPoolCluster()
  const { address, credentials } = stage
  cluster.add('rotates', { ...address, credentials })
  cluster.add('stays', { ...address, ...stage.account })
  const { user } = stage.account
  await stage.rotate()
  expect(await userOf(cluster.of('rotates'))).toBe(stage.account.user)
  expect(await userOf(cluster.of('stays'))).toBe(user)
  await cluster.end()
  await until('the sessions to end', async () => (await stage.place.sessions()).length === 0)
})
