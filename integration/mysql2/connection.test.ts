import { connect, type Socket } from 'node:net'
import mysql from '@rekey/mysql2'
import promise from '@rekey/mysql2/promise'
import type { QueryError, RowDataPacket } from 'mysql2'
import { describe, expect, test } from 'vitest'
import { recordMessages } from '../contract/messages.ts'
import type { Stage } from '../contract/stage.ts'
import { inTime, until } from '../until.ts'
import { userOf } from './asking.ts'
import { openStage } from './stage.ts'
import { called } from './three-ways.ts'

type QueryValues = [error: QueryError | null, rows: RowDataPacket[]]

const options = ({ address, credentials }: Stage) => ({ ...address, credentials })

/** The user of a connection of callbacks that is opened for this one question, or its error. */
async function ask(stage: Stage): Promise<string | QueryError> {
  const connection = mysql.createConnection(options(stage))
  const [error, rows] = await called<QueryValues>((callback) =>
    connection.query("SELECT substring_index(user(), '@', 1) AS user", callback),
  )
  if (error) return error
  await called((callback) => connection.end(() => callback()))
  return String(rows[0]?.['user'])
}

function noSocket(): never {
  throw new Error('no socket')
}

describe('a connection of its own', () => {
  test('logs in with what is newest when it connects, and keeps it', async () => {
    await using stage = await openStage()
    const first = await promise.createConnection(options(stage))
    const { user } = stage.account
    await stage.rotate()
    const second = await promise.createConnection(options(stage))
    expect(await userOf(second)).toBe(stage.account.user)
    expect(await userOf(first)).toBe(user)
    await Promise.all([first.end(), second.end()])
    expect(await stage.place.refusedLogins()).toEqual([])
  })

  test('is dialled at once where the credentials are known to work, with nothing beside it', async () => {
    await using stage = await openStage()
    await ask(stage)
    const { total } = stage.proxy
    expect(await ask(stage)).toBe(stage.account.user)
    expect(stage.proxy.total).toBe(total + 1)
  })

  test('20 at once make one login to prove a version, and use both of one snapshot', async () => {
    await using stage = await openStage({ sessions: 30 })
    const users = await Promise.all(Array.from({ length: 20 }, () => ask(stage)))
    expect(new Set(users)).toEqual(new Set([stage.account.user]))
    expect(stage.proxy.total).toBe(21)
  })

  test('a candidate that is refused costs one login, and nobody fails', async () => {
    await using stage = await openStage({ sessions: 30 })
    using messages = recordMessages()
    const { user } = stage.account
    await ask(stage)
    stage.store.publish({ user: stage.other.user, password: 'wrong' })
    await stage.credentials.refresh()
    const users = await Promise.all(Array.from({ length: 20 }, () => ask(stage)))
    expect(new Set(users)).toEqual(new Set([user]))
    expect(await stage.place.refusedLogins()).toHaveLength(1)
    expect(messages.of('rekey:candidate-refused')).toHaveLength(1)
  })

  test('store ahead: it waits until the server knows the new password', async () => {
    await using stage = await openStage()
    using messages = recordMessages()
    const { user } = stage.account
    stage.store.publish({ user, password: 'ahead' })
    const asking = ask(stage)
    await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
    await stage.place.setPassword({ user, password: 'ahead' })
    await stage.clock.advance(1_000)
    expect(await asking).toBe(user)
  })

  test('store behind: with promises, what worked a moment ago is bridged', async () => {
    await using stage = await openStage()
    using messages = recordMessages()
    await ask(stage)
    stage.store.publish(await stage.place.rotate(stage.account))
    const connecting = promise.createConnection(options(stage))
    await until('the refusal', () => messages.of('rekey:candidate-refused').length === 1)
    await stage.clock.advance(1_000)
    const connection = await connecting
    expect(await userOf(connection)).toBe(stage.account.user)
    await connection.end()
  })

  test('store behind: with callbacks, one caller gets the refusal, and the store is asked again', async () => {
    await using stage = await openStage()
    await ask(stage)
    stage.store.publish(await stage.place.rotate(stage.account))
    expect(await ask(stage)).toMatchObject({ errno: 1045 })
    await stage.clock.advance(1_000)
    await until('the store to be asked', () => stage.store.loads === 2)
    expect(await ask(stage)).toBe(stage.account.user)
  })

  test("after the login deadline it gets the server's own refusal", async () => {
    await using stage = await openStage()
    stage.store.publish({ user: stage.account.user, password: 'never valid' })
    let answer: unknown
    void ask(stage).then((said) => (answer = said))
    await until('an answer', async () => {
      await stage.clock.advance(stage.credentials.timings.loginDeadline)
      return answer !== undefined
    })
    expect(answer).toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 })
  })

  test('an error of the source reaches the caller, and no socket was opened', async () => {
    await using stage = await openStage()
    stage.store.mood = 'fails'
    const asking = [ask(stage), promise.createConnection(options(stage)).catch((e: unknown) => e)]
    for (const answer of await Promise.all(asking)) {
      expect(answer).toMatchObject({ code: 'ERR_REKEY_LOAD' })
    }
    expect(stage.proxy.total).toBe(0)
  })

  test('connectTimeout is over all of it, the store too', async () => {
    await using stage = await openStage()
    stage.store.mood = 'hangs'
    const connecting = promise.createConnection({ ...options(stage), connectTimeout: 100 })
    await expect(connecting).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  test('a stream that cannot be made is thrown, and keeps no other login waiting', async () => {
    await using stage = await openStage()
    const dial = (): unknown => mysql.createConnection({ ...options(stage), stream: noSocket })
    expect(dial).toThrow('no socket')
    await stage.credentials.get()
    // A version that nobody has tried, and then one that is known to work.
    for (let round = 0; round < 2; round += 1) {
      expect(dial).toThrow('no socket')
      expect(await inTime('a login', ask(stage))).toBe(stage.account.user)
    }
  })

  test('a stream that can be made no more is an error of the connection', async () => {
    await using stage = await openStage()
    let made = 0
    const { host, port } = stage.address
    const stream = (): Socket => {
      made += 1
      return made > 1 ? noSocket() : connect(port, host)
    }
    const connection = mysql.createConnection({ ...options(stage), stream })
    const [error] = await called((callback) => connection.on('error', callback))
    expect(error).toMatchObject({ message: 'no socket' })
    expect(await inTime('a login', ask(stage))).toBe(stage.account.user)
  })

  test.each(['its own socket', 'a stream of the user'])(
    'destroyed while the store hangs, it leaves nothing behind: %s',
    async (which) => {
      await using stage = await openStage()
      const { host, port } = stage.address
      const isGiven = which === 'a stream of the user'
      stage.store.mood = 'hangs'
      const connection = mysql.createConnection({
        ...options(stage),
        ...(isGiven && { stream: () => connect(port, host) }),
      })
      const { stream } = connection as unknown as { stream: NodeJS.EventEmitter }
      const closed = called((callback) => stream.once('close', callback))
      await until('the store to be asked', () => stage.store.loads === 1)
      connection.destroy()
      await inTime('its socket to close', closed)
      await stage.credentials.close()
      await stage.clock.advance(60_000)
      expect([stage.clock.pending, stage.proxy.total]).toEqual([0, isGiven ? 1 : 0])
    },
  )
})
