import { connect } from 'node:net'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { ServerKind } from '../../packages/drill/src/servers/server.ts'
import { until } from '../until.ts'
import { connectMariadb } from './mariadb.ts'
import { connectMysql } from './mysql.ts'
import { serverAddress } from './on-demand.ts'
import { connectPostgres } from './postgres.ts'
import { startProxy } from './proxy.ts'
import { connectRedis } from './redis.ts'
import type { Account, DualPasswords, Place, Server, ServerAddress } from './server.ts'

/** A client's session, as these tests use it. */
interface Login {
  /** Who it is, by the server's word. Fails if the session is over. */
  ask(): Promise<string>
  close(): Promise<void>
}

interface Subject<P extends Place = Place> {
  readonly name: ServerKind
  readonly connect: (address: ServerAddress) => Promise<Server<P>>
  readonly login: (place: Address, account: Account) => Promise<Login>
  /** The codes of a login with a wrong password, and of one too many where the server knows a ceiling. */
  readonly codes: { readonly credentials: string; readonly ceiling?: string }
}

type Address = Pick<Place, 'host' | 'port' | 'database'>

const mysqlCodes = { credentials: 'ER_ACCESS_DENIED_ERROR', ceiling: 'ER_USER_LIMIT_REACHED' }

const redisCodes = { credentials: 'WRONGPASS' }

const twoPasswords: Subject<Place & DualPasswords>[] = [
  { name: 'mysql', connect: connectMysql, login: loginMysql, codes: mysqlCodes },
  { name: 'mariadb', connect: connectMariadb, login: loginMysql, codes: mysqlCodes },
  { name: 'redis', connect: connectRedis, login: loginRedis, codes: redisCodes },
  { name: 'valkey', connect: connectRedis, login: loginRedis, codes: redisCodes },
]

const all: Subject[] = [
  {
    name: 'postgres',
    connect: connectPostgres,
    login: loginPostgres,
    codes: { credentials: '28P01', ceiling: '53300' },
  },
  ...twoPasswords,
]

async function setUp<P extends Place>(
  { name, connect: connectServer }: Subject<P>,
  sessions = 4,
): Promise<{ place: P } & AsyncDisposable> {
  const server = await connectServer(await serverAddress(name))
  const place = await server.createPlace({ sessions })
  return {
    place,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe.each(all)('a place in $name', (subject) => {
  const { login, codes } = subject

  test('lets its accounts in, and knows their sessions', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const [one, other] = [await place.createAccount(), await place.createAccount()]
    expect(await place.sessions()).toEqual([])
    const sessions = [await login(place, one), await login(place, one), await login(place, other)]
    expect(await Promise.all(sessions.map((session) => session.ask()))).toEqual([
      one.user,
      one.user,
      other.user,
    ])
    const seen = await place.sessions()
    expect(seen.map(({ user }) => user)).toEqual([one.user, one.user, other.user])
    expect(new Set(seen.map(({ id }) => id)).size).toBe(3)
    expect(await place.sessions(other.user)).toEqual([seen[2]])
    for (const session of sessions) await session.close()
    await until('the sessions to end', async () => (await place.sessions()).length === 0)
  })

  test('is apart from other places', async () => {
    await using setting = await setUp(subject)
    await using neighbour = await setUp(subject)
    const account = await setting.place.createAccount()
    const session = await login(setting.place, account)
    expect(await neighbour.place.sessions()).toEqual([])
    await expect(login(setting.place, { ...account, password: 'wrong' })).rejects.toThrow()
    expect(await neighbour.place.refusedLogins()).toEqual([])
    await session.close()
  })

  test.each(['rotate', 'setPassword'] as const)(
    '%s stops the password before at once, and leaves open sessions alone',
    async (how) => {
      await using setting = await setUp(subject)
      const { place } = setting
      const before = await place.createAccount()
      const session = await login(place, before)
      const after = how === 'rotate' ? await place.rotate(before) : { ...before, password: 'mine' }
      if (how === 'setPassword') await place.setPassword(after)
      await expect(login(place, before)).rejects.toThrow()
      await (await login(place, after)).close()
      expect(await session.ask()).toBe(before.user)
      await session.close()
    },
  )

  test('revoke lets nobody in any more, and leaves open sessions alone', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const account = await place.createAccount()
    const session = await login(place, account)
    await place.revoke(account)
    await expect(login(place, account)).rejects.toThrow()
    expect(await session.ask()).toBe(account.user)
    await session.close()
    // And back.
    await (await login(place, await place.rotate(account))).close()
  })

  test('kill ends a session under its holder', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const session = await login(place, await place.createAccount())
    const [seen] = await place.sessions()
    await place.kill(seen!)
    await until('the session to end', async () => (await place.sessions()).length === 0)
    await expect(session.ask()).rejects.toThrow()
    // Nothing is there any more.
    await place.kill(seen!)
    await session.close()
  })

  test('refused logins are counted by account, and connections that log in to nothing are not', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const [one, other] = [await place.createAccount(), await place.createAccount()]
    await (await login(place, one)).close()
    expect(await place.refusedLogins()).toEqual([])
    for (const account of [one, one, other])
      await expect(login(place, { ...account, password: 'wrong' })).rejects.toThrow()
    connect(place.port, place.host).destroy()
    const refusals = await place.refusedLogins()
    expect(refusals.map(({ user }) => user).toSorted()).toEqual([one.user, one.user, other.user])
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ code: codes.credentials, reason: 'credentials' })
  })

  test('goes with all that is in it, also while a session holds a transaction open', async () => {
    const setting = await setUp(subject)
    const session = await login(setting.place, await setting.place.createAccount())
    await session.ask()
    await setting[Symbol.asyncDispose]()
    await expect(session.ask()).rejects.toThrow()
    await session.close()
  })
})

const withCeiling = all.filter(({ codes }) => codes.ceiling !== undefined)
const withoutCeiling = all.filter((subject) => !withCeiling.includes(subject))

describe.each(withCeiling)('the ceiling of a place in $name', (subject) => {
  const { login, codes } = subject

  test('is kept by the server itself, which says whom it turned away', async () => {
    await using setting = await setUp(subject, 2)
    const { place } = setting
    const account = await place.createAccount()
    const held = [await login(place, account), await login(place, account)]
    await expect(login(place, account)).rejects.toThrow()
    await expect(login(place, account)).rejects.toThrow()
    const refused = { user: account.user, code: codes.ceiling, reason: 'ceiling' }
    expect(await place.refusedLogins()).toEqual([refused, refused])
    for (const session of held) await session.close()
    await until('the sessions to end', async () => (await place.sessions()).length === 0)
    await (await login(place, account)).close()
  })
})

describe.each(withoutCeiling)('the ceiling of a place in $name', (subject) => {
  test('is none: the peak of a proxy tells how many sessions there were', async () => {
    await using setting = await setUp(subject, 2)
    const { place } = setting
    await using proxy = await startProxy(place)
    const { host, port } = proxy
    const account = await place.createAccount()
    const held = [0, 1, 2].map(() => subject.login({ ...place, host, port }, account))
    for (const session of await Promise.all(held)) await session.close()
    await until('the sessions to end', () => proxy.open === 0)
    expect(proxy.peak).toBe(3)
  })
})

describe.each(twoPasswords)('an account in $name', (subject) => {
  const { login } = subject

  test('has two passwords from retain to discard', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const first = await place.createAccount()
    const session = await login(place, first)
    const second = await place.retain(first)
    expect(second.password).not.toBe(first.password)
    for (const account of [first, second]) await (await login(place, account)).close()
    await place.discard(second)
    await expect(login(place, first)).rejects.toThrow()
    await (await login(place, second)).close()
    expect(await session.ask()).toBe(first.user)
    await session.close()
  })

  test('has no more than two passwords', async () => {
    await using setting = await setUp(subject)
    const { place } = setting
    const first = await place.createAccount()
    const second = await place.retain(first)
    const third = await place.retain(second)
    await expect(login(place, first)).rejects.toThrow()
    for (const account of [second, third]) await (await login(place, account)).close()
  })

  test.each(['rotate', 'revoke'] as const)('has neither after %s', async (how) => {
    await using setting = await setUp(subject)
    const { place } = setting
    const first = await place.createAccount()
    const second = await place.retain(first)
    await place[how](second)
    for (const account of [first, second]) await expect(login(place, account)).rejects.toThrow()
  })
})

async function loginPostgres(place: Address, account: Account): Promise<Login> {
  const { host, port, database } = place
  const client = new pg.Client({ host, port, database, ...account })
  client.on('error', () => {})
  await client.connect()
  await client.query('BEGIN')
  return {
    async ask() {
      const { rows } = await client.query<{ user: string }>('SELECT session_user AS user')
      return rows[0]?.user ?? ''
    },
    close: () => client.end(),
  }
}

async function loginMysql(place: Address, account: Account): Promise<Login> {
  const { host, port, database } = place
  const client = await createConnection({ host, port, database, ...account })
  client.on('error', () => {})
  await client.query('CREATE TABLE IF NOT EXISTS held (n int)')
  await client.query('START TRANSACTION')
  await client.query('SELECT * FROM held')
  return {
    async ask() {
      const [rows] = await client.query("SELECT substring_index(user(), '@', 1) AS user")
      return (rows as { user: string }[])[0]?.user ?? ''
    },
    close: () => client.end().catch(() => {}),
  }
}

async function loginRedis({ host, port, database }: Address, account: Account): Promise<Login> {
  const { user: username, password } = account
  const login = { host, port, username, password }
  const client = new Redis({ ...login, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await client.connect()
  await client.watch(`${database}held`)
  return {
    ask: () => client.acl('WHOAMI'),
    close: async () => client.disconnect(),
  }
}
