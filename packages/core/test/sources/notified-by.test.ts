import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fromFunction } from '../../src/index.ts'
import {
  fileChannel,
  notifiedBy,
  postgresChannel,
  redisChannel,
  signalChannel,
  webhook,
  type Channel,
} from '../../src/sources/notified-by.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { folder, replace } from './folder.ts'

const source = fromFunction(() => ({ user: 'app', password: 'pw' }))

function onError(error: unknown): void {
  expect.unreachable(String(error))
}

function watched(channel: Channel, options: Parameters<typeof notifiedBy>[2] = { spread: 0 }) {
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const watch = { pushed: 0, ending }
  notifiedBy(source, channel, options).watch?.(() => void (watch.pushed += 1), {
    signal: ending.signal,
    onError,
  })
  return watch
}

function byHand() {
  const wakes: (() => void)[] = []
  return {
    channel: ((wake) => void wakes.push(wake)) as Channel,
    push: () => wakes.forEach((wake) => wake()),
  }
}

test('a push asks the store within the spread, and what comes meanwhile is the same push', async () => {
  const { channel, push } = byHand()
  const clock = new VirtualClock()
  const watch = watched(channel, { spread: 2_000, clock, random: () => 0.75 })
  push()
  await clock.advance(1_499)
  push()
  expect(watch.pushed).toBe(0)
  await clock.advance(1)
  expect(watch.pushed).toBe(1)
  await clock.advance(10_000)
  expect(watch.pushed).toBe(1)
  push()
  await clock.advance(1_500)
  expect(watch.pushed).toBe(2)
})

test('a thousand processes that hear one push ask over the whole spread', async () => {
  const { channel, push } = byHand()
  const clock = new VirtualClock()
  const watches = Array.from({ length: 1_000 }, () => watched(channel, { spread: 2_000, clock }))
  push()
  const asked = () => watches.filter(({ pushed }) => pushed > 0).length
  await clock.advance(1_000)
  expect(asked()).toBeGreaterThan(400)
  expect(asked()).toBeLessThan(600)
  await clock.advance(1_000)
  expect(asked()).toBe(1_000)
})

test('nothing is asked once the watch is over', async () => {
  const { channel, push } = byHand()
  const clock = new VirtualClock()
  const watch = watched(channel, { spread: 2_000, clock })
  push()
  watch.ending.abort()
  push()
  await clock.advance(2_000)
  expect(watch.pushed).toBe(0)
  expect(clock.pending).toBe(0)
})

test('the source’s own watch goes on beside it', () => {
  let own = 0
  const watching = fromFunction(() => ({ user: 'a', password: 'b' }), { watch: () => (own += 1) })
  const { signal } = new AbortController()
  notifiedBy(watching, () => {}).watch?.(() => {}, { signal, onError: () => {} })
  expect(own).toBe(1)
})

test('a webhook wakes for a POST with its token, and for nothing else', async () => {
  const hook = webhook('t0ken')
  const watches = [watched(hook.channel), watched(hook.channel)]
  const server = createServer(hook.handler).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const send = async (method: string, authorization?: string): Promise<number> => {
    const headers = authorization === undefined ? {} : { authorization }
    const body = method === 'POST' ? 'x'.repeat(100_000) : null
    return (await fetch(url, { method, headers, body })).status
  }
  expect(await send('POST')).toBe(401)
  expect(await send('POST', 'Bearer t0ke')).toBe(401)
  expect(await send('POST', 't0ken')).toBe(401)
  expect(await send('GET', 'Bearer t0ken')).toBe(405)
  expect(watches.map(({ pushed }) => pushed)).toEqual([0, 0])
  expect(await send('POST', 'Bearer t0ken')).toBe(202)
  await expect.poll(() => watches.map(({ pushed }) => pushed)).toEqual([1, 1])
  watches[0]?.ending.abort()
  expect(await send('POST', 'Bearer t0ken')).toBe(202)
  await expect.poll(() => watches.map(({ pushed }) => pushed)).toEqual([1, 2])
})

test('a signal wakes, and does not end the process, until the watch is over', async () => {
  const before = process.listenerCount('SIGHUP')
  const watch = watched(signalChannel('SIGHUP'))
  process.kill(process.pid, 'SIGHUP')
  await expect.poll(() => watch.pushed).toBe(1)
  watch.ending.abort()
  expect(process.listenerCount('SIGHUP')).toBe(before)
})

async function hangUp(): Promise<void> {
  const arrived = once(process, 'SIGHUP')
  process.kill(process.pid, 'SIGHUP')
  await arrived
}

test('two signals within the spread are one push, and each after it is one', async () => {
  const clock = new VirtualClock()
  const watch = watched(signalChannel('SIGHUP'), { spread: 2_000, clock, random: () => 0.5 })
  await hangUp()
  await hangUp()
  await clock.advance(1_000)
  expect(watch.pushed).toBe(1)
  await hangUp()
  await clock.advance(1_000)
  expect(watch.pushed).toBe(2)
})

test('a file that is written or replaced wakes', async () => {
  const path = join(await folder(), 'rotated')
  const watch = watched(fileChannel(path))
  await writeFile(path, '1')
  await expect.poll(() => watch.pushed).toBe(1)
  await replace(path, '2')
  await expect.poll(() => watch.pushed).toBe(2)
})

test.each<[string, () => unknown, string]>([
  ['no channel', () => notifiedBy(source, undefined as never), 'channel'],
  ['a spread that is negative', () => notifiedBy(source, () => {}, { spread: -1 }), 'spread'],
  ['a webhook without a token', () => webhook(undefined), 'token'],
  ['a webhook with an empty token', () => webhook(''), 'token'],
  ['a file without a path', () => fileChannel(''), 'path'],
  ['a channel of PostgreSQL without a name', () => postgresChannel(null as never, ''), 'name'],
  ['a signal without a name', () => signalChannel('' as never), 'name'],
  ['a signal that there is not', () => signalChannel('HUP' as never), 'name'],
  ['a signal that nobody hears', () => signalChannel('SIGKILL'), 'name'],
  ['a channel of Redis without a name', () => redisChannel(null as never, ''), 'name'],
])('%s is refused at once', (_what, make, option) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
