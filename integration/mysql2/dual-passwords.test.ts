import { createCredentials, fromFunction } from '@rekey/core'
import mysql from '@rekey/mysql2/promise'
import { describe, expect, test } from 'vitest'
import { connectMariadb } from '../servers/mariadb.ts'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { userOf } from './asking.ts'

describe.each([
  ['MySQL, by RETAIN CURRENT PASSWORD', 'mysql', connectMysql],
  ['MariaDB, by two authentication alternatives', 'mariadb', connectMariadb],
] as const)('one account with two passwords: %s', (_name, kind, connectServer) => {
  test('three rotations under load lose nothing, and each old password is discarded after its drain', async () => {
    await using server = await connectServer(await serverAddress(kind))
    await using place = await server.createPlace({ sessions: 4 })
    let account = await place.createAccount()
    await using credentials = createCredentials(
      fromFunction(() => account),
      { overlap: 60_000 },
    )
    const { host, port, database } = place
    const rotation = { spread: 100 }
    await using pool = mysql.createPool({
      ...{ host, port, database, connectionLimit: 4 },
      credentials,
      rotation,
    })
    let going = true
    let served = 0
    const work = async (): Promise<void> => {
      while (going) {
        expect(await userOf(pool)).toBe(account.user)
        served += 1
      }
    }
    const working = Promise.all([work(), work(), work(), work(), work(), work()])
    for (let round = 0; round < 3; round += 1) {
      const next = await place.retain(account)
      const before = served
      account = next
      await credentials.refresh()
      await pool.drained()
      await place.discard(next)
      expect(pool.generations.map(({ version }) => version)).toEqual([credentials.current?.version])
      await until('callers to be served', () => served > before + 50)
    }
    going = false
    await working
    expect(await place.refusedLogins()).toEqual([])
  })
})
