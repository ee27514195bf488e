// No database of Azure can be had here: a real one's password is set to each token that comes, so that it accepts the newest and
// no other. What Azure does with a token is not shown.

import { createCredentials, type CredentialsOptions } from '@rekey/core'
import { fromEntraDatabase, fromEntraRedis } from '@rekey/core/entra'
import { reauthenticate, Redis } from '@rekey/ioredis'
import mysql from '@rekey/mysql2'
import { Pool } from '@rekey/pg'
import { expect, onTestFinished, test } from 'vitest'
import { Load } from '../contract/load.ts'
import { userOf as mysqlUserOf } from '../mysql2/asking.ts'
import { closing, fill, lend, userOf } from '../pg/stage.ts'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import { connectRedis } from '../servers/redis.ts'
import { until } from '../until.ts'
import { openAzure } from './azure.ts'
import { openPlace, toldTo } from './whole-way.ts'

/** Of tokens that live for a second the next one comes after three quarters of it. */
const tokenSeconds = 1
const timings: CredentialsOptions = { ttl: 50, loadDeadline: 5_000 }

test('PostgreSQL: new logins use the newest token, live connections stay, and no request fails', async () => {
  await using place = await openPlace(6)
  const { user } = await place.createAccount()
  const { azure, credential } = await openAzure()
  Object.assign(azure, { tokenSeconds, claims: { upn: user } })
  const source = fromEntraDatabase({ credential: credential() })
  const { told, tokens } = toldTo(place, source)
  await using credentials = createCredentials(told, timings)
  const { host, port, database } = place
  await using pool = closing(new Pool({ host, port, database, max: 6, credentials }))
  await fill(pool, 2)
  const before = await place.sessions()
  await using load = new Load({ whoami: () => userOf(pool) }, 2)
  await until('three more tokens', () => tokens.length >= 4)
  expect(await place.sessions()).toEqual(before)
  for (const client of await lend(pool, 3)) client.release()
  await load.goOn()
  expect(load.lost).toEqual([])
  expect((await place.sessions()).length).toBeGreaterThan(before.length)
  expect(azure.tokens).toEqual(expect.arrayContaining(tokens))
})

test('MySQL: the same for a service principal, whose user is said', async () => {
  await using server = await connectMysql(await serverAddress('mysql'))
  await using place = await server.createPlace({ sessions: 6 })
  const { user } = await place.createAccount()
  const { azure, credential } = await openAzure()
  Object.assign(azure, { tokenSeconds })
  const source = fromEntraDatabase({ user, credential: credential() })
  const { told, tokens } = toldTo(place, source)
  await using credentials = createCredentials(told, timings)
  const { host, port, database } = place
  const pool = mysql.createPool({ host, port, database, connectionLimit: 6, credentials }).promise()
  const whoami = async (): Promise<string> => {
    const connection = await pool.getConnection()
    try {
      return await mysqlUserOf(connection)
    } finally {
      connection.release()
    }
  }
  {
    await using load = new Load({ whoami }, 2)
    await load.goOn()
    const before = await place.sessions()
    await until('three more tokens', () => tokens.length >= 4)
    expect(await place.sessions()).toEqual(before)
    const lent = await Promise.all([1, 2, 3].map(() => pool.getConnection()))
    for (const connection of lent) connection.release()
    await load.goOn()
    expect(load.lost).toEqual([])
  }
  await pool.end()
})

test('Redis: the live connection authenticates again with each token, and no request fails', async () => {
  await using server = await connectRedis(await serverAddress('redis'))
  await using place = await server.createPlace({ sessions: 1 })
  const { user } = await place.createAccount()
  const { azure, credential } = await openAzure()
  Object.assign(azure, { tokenSeconds, claims: { oid: user } })
  const source = fromEntraRedis({ credential: credential() })
  const { told, tokens } = toldTo(place, source)
  await using credentials = createCredentials(told, timings)
  await using proxy = await startProxy(place)
  const { host, port } = proxy
  const rotation = { spread: 0, reauthenticate: reauthenticate.azureEntra }
  const redis = new Redis({ host, port, credentials, rotation })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  const id = await redis.client('ID')
  await using load = new Load({ whoami: async () => String(await redis.call('ACL', 'WHOAMI')) }, 2)
  for (let token = 2; token <= 4; token += 1) {
    await until('another token', () => tokens.length >= token)
    await redis.drained()
  }
  await load.goOn()
  expect(load.lost).toEqual([])
  expect(await redis.client('ID')).toBe(id)
  // Otherwise another connection would have proven a token.
  expect(proxy.total).toBe(1)
  expect(redis.generations).toMatchObject([{ version: credentials.current?.version }])
})
