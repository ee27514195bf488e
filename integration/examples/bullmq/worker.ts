import { createCredentials, fromFile } from '@rekey/core'
import { Redis, rotatingRedisOptions } from '@rekey/ioredis'
import { Worker } from 'bullmq'

const { REDIS_HOST, REDIS_PORT = '6379', REDIS_CREDENTIALS = '/etc/app/redis.json' } = process.env
const { QUEUE_PREFIX = 'bull', ROTATION_SPREAD = '60000' } = process.env

const credentials = createCredentials(fromFile(REDIS_CREDENTIALS), { overlap: 60 * 60 * 1000 })
const server = {
  host: REDIS_HOST,
  port: Number(REDIS_PORT),
  maxRetriesPerRequest: null,
  rotation: { spread: Number(ROTATION_SPREAD) }, // milliseconds
}

/** Where the worker writes down what it has done. */
const redis = new Redis({ ...server, credentials })
redis.on('error', console.error)

const worker = new Worker<{ invoice: string }>(
  'invoices',
  async ({ data: { invoice } }) => {
    await redis.hincrby(`${QUEUE_PREFIX}:sent`, invoice, 1)
  },
  { connection: rotatingRedisOptions(credentials, server), prefix: QUEUE_PREFIX, concurrency: 10 },
)
worker.on('error', console.error)
worker.on('failed', (job, error) => console.error(job?.id, error))
worker.on('stalled', (id) => console.error(id, 'stalled'))

async function end(): Promise<void> {
  await worker.close() // after the jobs that it has
  await redis.quit()
  await credentials.close()
}
process.once('SIGTERM', () => void end())

await worker.waitUntilReady()
console.log('ready')
