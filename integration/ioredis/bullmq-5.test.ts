import type { EventEmitter } from 'node:events'
import { RekeyError } from '@rekey/core'
import { Redis, rotatingRedisOptions } from '@rekey/ioredis'
import { Queue, QueueEvents, Worker } from 'bullmq-5'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { closing, openStage } from './stage.ts'

// It brings a copy of ioredis 5 of its own, which is neither of those that are tested here.

test('with an instance of ours it works, through rotations', async () => {
  await using stage = await openStage('redis')
  const { host, port, database } = stage.address
  const { credentials } = stage
  const rotation = { spread: 0 }
  await using redis = closing(
    new Redis({ host, port, credentials, rotation, maxRetriesPerRequest: null }),
  )
  const options = { connection: redis as never, prefix: `${database}bull` }
  const queue = new Queue('jobs', options)
  const events = new QueueEvents('jobs', options)
  const done: number[] = []
  const worker = new Worker('jobs', async ({ data }) => done.push(data as number), options)
  const trouble: Error[] = []
  const emitters: EventEmitter[] = [queue, events, worker]
  for (const each of emitters) each.on('error', (error: Error) => trouble.push(error))
  await Promise.all([queue, events, worker].map((each) => each.waitUntilReady()))
  for (let turn = 0; turn < 3; turn += 1) {
    const { user } = stage.account
    await stage.rotate()
    const job = await queue.add('job', turn)
    await job.waitUntilFinished(events)
    await until('no session of the old user', async () => {
      await queue.add('another', turn)
      return (await stage.place.sessions(user)).length === 0
    })
  }
  await Promise.all([worker, events, queue].map((each) => each.close()))
  expect(new Set(done)).toEqual(new Set([0, 1, 2]))
  expect(trouble).toEqual([])
})

test('with our options it says that its copy of ioredis is another one', async () => {
  await using stage = await openStage('redis')
  const { host, port } = stage.address
  const connection = rotatingRedisOptions(stage.credentials, { host, port })
  const queue = new Queue('jobs', {
    connection: { ...connection, retryStrategy: () => null } as never,
  })
  const errors: unknown[] = []
  queue.on('error', (error) => errors.push(error))
  await until('the error', () => errors.some((error) => error instanceof RekeyError))
  expect(errors.find((error) => error instanceof RekeyError)).toMatchObject({
    code: 'ERR_REKEY_DRIVER',
    option: 'Connector',
  })
  await queue.close().catch(() => {})
})
