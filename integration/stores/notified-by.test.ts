import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createCredentials, type CredentialsOptions } from '@rekey/core'
import {
  fileChannel,
  notifiedBy,
  postgresChannel,
  redisChannel,
  webhook,
  type Channel,
} from '@rekey/core/notified-by'
import { Client } from '@rekey/pg'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { folder, replace } from '../../packages/core/test/sources/folder.ts'
import { Store } from '../contract/store.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { until } from '../until.ts'
import { goTheWholeWay, openPlace } from './whole-way.ts'

/** Polled too seldom for any of these tests: what is noticed was pushed. */
const pollsSeldom: CredentialsOptions = { overlap: 24 * 3_600_000, ttl: 3_600_000, jitter: 0 }
const name = `rotated "${randomBytes(4).toString('hex')}"`

async function wholeWay(channel: Channel, push: () => Promise<unknown>): Promise<void> {
  const store = new Store()
  await goTheWholeWay({
    source: notifiedBy(store.source, channel, { spread: 20 }),
    timings: pollsSeldom,
    async publish(account) {
      store.publish(account)
      await push()
    },
  })
  // The first load, one for what may have been missed before the channel was there, and one for each push.
  expect(store.loads).toBeLessThanOrEqual(2 + 3)
}

async function adminClient(): Promise<pg.Client> {
  const { host, port, user, password } = await serverAddress('postgres')
  const client = new pg.Client({ host, port, user, password, database: 'postgres' })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function admin(): Promise<pg.Client> {
  const client = await adminClient()
  onTestFinished(() => client.end())
  return client
}

test('NOTIFY of PostgreSQL: three rotations under load, no request fails', async () => {
  const notifier = await admin()
  const push = () => notifier.query('SELECT pg_notify($1, $2)', [name, 'now'])
  await wholeWay(postgresChannel(adminClient, name), push)
})

test('the connection that listens may log in with what it watches', async () => {
  await using place = await openPlace(3)
  const store = new Store()
  const [first, second] = [await place.createAccount(), await place.createAccount()]
  store.publish(first)
  const { host, port, database } = place
  const connect = async (): Promise<Client> => {
    const client = new Client({ host, port, database, credentials })
    await client.connect()
    return client
  }
  const source = notifiedBy(store.source, postgresChannel(connect, name), { spread: 0 })
  await using credentials = createCredentials(source, pollsSeldom)
  await credentials.get()
  // Who has begun to listen asks once for what was missed before.
  await until('somebody to listen', () => store.loads === 2)
  const version = store.publish(second)
  // In the same database: it is not heard in another.
  const notifier = new pg.Client({ host, port, database, ...first })
  await notifier.connect()
  await notifier.query('SELECT pg_notify($1, $2)', [name, ''])
  await notifier.end()
  await until('the change', () => credentials.current?.version === version)
})

test('a change while the connection that listens is lost is not missed', async () => {
  const notifier = await admin()
  const store = new Store()
  const pair = { user: 'app', password: 'one' }
  store.publish(pair)
  let backend: number | undefined
  const connect = async (): Promise<pg.Client> => {
    const client = await adminClient()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    backend = rows[0]?.pid
    return client
  }
  const errors: unknown[] = []
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  let pushed = 0
  const onError = (error: unknown): void => void errors.push(error)
  const { signal } = ending
  const source = notifiedBy(store.source, postgresChannel(connect, name), { spread: 0 })
  source.watch?.(() => (pushed += 1), { signal, onError })
  await until('the first wake-up', () => pushed === 1)
  await notifier.query('SELECT pg_terminate_backend($1)', [backend])
  await until('the wake-up for what was missed', () => pushed === 2)
  expect(errors).toHaveLength(1)
  await notifier.query('SELECT pg_notify($1, $2)', [name, ''])
  await until('a push on the new connection', () => pushed === 3)
  ending.abort()
  await until('nobody to listen', async () => {
    const { rows } = await notifier.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [
      backend,
    ])
    return rows.length === 0
  })
  expect(errors).toHaveLength(1)
})

test('pub/sub of Redis: three rotations under load, no request fails; a lost connection comes back', async () => {
  const { host, port, password } = await serverAddress('redis')
  const publisher = new Redis({ host, port, password })
  const subscriber = publisher.duplicate()
  onTestFinished(() => [publisher, subscriber].forEach((redis) => redis.disconnect()))
  await wholeWay(redisChannel(subscriber, name), () => publisher.publish(name, 'now'))

  const ending = new AbortController()
  let pushed = 0
  const watch = redisChannel(subscriber, name)
  watch(() => (pushed += 1), {
    signal: ending.signal,
    onError: (error) => expect.unreachable(String(error)),
  })
  await until('the first wake-up', () => pushed === 1)
  await publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await until('the wake-up for what was missed', () => pushed >= 2)
  const before = pushed
  await publisher.publish(name, 'now')
  await publisher.publish(`${name} of others`, 'now')
  await until('a push on the new connection', () => pushed === before + 1)
  ending.abort()
  await publisher.publish(name, 'now')
  await publisher.ping()
  expect(pushed).toBe(before + 1)
})

test('a file that is replaced: three rotations under load, no request fails', async () => {
  const path = join(await folder(), 'rotated')
  await wholeWay(fileChannel(path), () => replace(path, 'now'))
})

test('a webhook: three rotations under load, no request fails', async () => {
  const hook = webhook('t0ken')
  const server = createServer(hook.handler).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const headers = { authorization: 'Bearer t0ken' }
  await wholeWay(hook.channel, () => fetch(url, { method: 'POST', headers }))
})
