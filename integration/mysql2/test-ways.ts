import { createCredentials, fromFunction } from '@rekey/core'
import mysql, { type PoolOptions } from '@rekey/mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import type { DualPasswords, Place, Server, ServerAddress } from '../servers/server.ts'
import { userOf } from './asking.ts'

/** Ways to the server by which caching_sha2_password takes a password that the server has not seen yet. */
export type Ways = Readonly<Record<string, (address: ServerAddress) => PoolOptions>>

/** Has a pool and a connection log in over each of them, before and after a rotation. */
export function testWays(ways: Ways): void {
  let server: Server<Place & DualPasswords>
  let place: Place & DualPasswords
  let address: ServerAddress

  beforeAll(async () => {
    address = await serverAddress('mysql')
    server = await connectMysql(address)
    place = await server.createPlace({ sessions: 20 })
  })

  afterAll(async () => {
    await place[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  describe.each(Object.entries(ways))('caching_sha2_password over %s', (_name, way) => {
    async function setUp(): Promise<{
      readonly rotate: () => Promise<void>
      readonly options: PoolOptions
      readonly user: string
      readonly close: () => Promise<void>
    }> {
      let account = await place.createAccount()
      const credentials = createCredentials(
        fromFunction(() => account),
        { overlap: 60_000 },
      )
      const { host, port, database } = place
      return {
        options: { host, port, database, credentials, ...way(address) },
        user: account.user,
        close: () => credentials.close(),
        async rotate() {
          account = await place.retain(account)
          await credentials.refresh()
        },
      }
    }

    test('a pool logs in, and goes over', async () => {
      const { options, user, rotate, close } = await setUp()
      const pool = mysql.createPool({ ...options, connectionLimit: 2, rotation: { spread: 0 } })
      expect(await userOf(pool)).toBe(user)
      await rotate()
      await pool.drained()
      expect(await userOf(pool)).toBe(user)
      expect(pool.generations).toHaveLength(1)
      await pool.end()
      await close()
    })

    test('a connection logs in, before and after a rotation', async () => {
      const { options, user, rotate, close } = await setUp()
      for (let round = 0; round < 2; round += 1) {
        const { rotation: _, ...rest } = options
        const connection = await mysql.createConnection(rest)
        expect(await userOf(connection)).toBe(user)
        await connection.end()
        await rotate()
      }
      await close()
    })
  })
}
