import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { serverAddress } from '../../servers/on-demand.ts'
import { connectRedis } from '../../servers/redis.ts'
import type { Account } from '../../servers/server.ts'
import { until } from '../../until.ts'
import { Program } from '../program.ts'

test('a worker with BullMQ does each job once through five rotations, and no old session stays', async () => {
  const address = await serverAddress('redis')
  await using server = await connectRedis(address)
  await using place = await server.createPlace({ sessions: 5 })
  let [current, other] = [await place.createAccount(), await place.createAccount()]
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bullmq-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'redis.json')
  const publish = async (account: Account): Promise<void> => {
    await writeFile(`${file}.new`, JSON.stringify(account))
    await rename(`${file}.new`, file)
  }
  await publish(current)

  const { host, port } = place
  const prefix = `${place.database}bull`
  await using worker = new Program(new URL('worker.ts', import.meta.url), {
    ...{ REDIS_HOST: host, REDIS_PORT: String(port), REDIS_CREDENTIALS: file },
    ...{ QUEUE_PREFIX: prefix, ROTATION_SPREAD: '100' },
  })
  await worker.writes(/^ready$/m)

  // Whoever asks for the jobs, and counts them, is somebody else.
  const { user: username, password } = address
  const redis = new Redis({ host, port, username, password, maxRetriesPerRequest: null })
  const queue = new Queue<{ invoice: string }>('invoices', { connection: redis, prefix })
  let asked = 0
  let asking = true
  const all = (async () => {
    while (asking) {
      asked += 1
      await queue.add('send', { invoice: String(asked) })
      await sleep(5)
    }
  })()
  const sent = async (): Promise<Record<string, string>> => redis.hgetall(`${prefix}:sent`)
  for (let rotation = 1; rotation <= 5; rotation += 1) {
    const { length: before } = Object.keys(await sent())
    ;[current, other] = [await place.rotate(other), current]
    await publish(current)
    await until('no old session', async () => (await place.sessions(other.user)).length === 0)
    await place.revoke(other)
    await until('jobs', async () => Object.keys(await sent()).length >= before + 20)
  }
  asking = false
  await all
  await until('all jobs', async () => Object.keys(await sent()).length === asked)
  expect(new Set((await place.sessions()).map(({ user }) => user))).toEqual(new Set([current.user]))

  expect(await worker.end()).toBe(0)
  expect(worker.output).toBe('ready\n')
  expect(new Set(Object.values(await sent()))).toEqual(new Set(['1']))
  await queue.close()
  await redis.quit()
})
