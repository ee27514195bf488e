import { BullModule, getQueueToken, Processor, WorkerHost } from '@nestjs/bullmq'
import { NestFactory } from '@nestjs/core'
import type { CredentialsCache } from '@rekey/core'
import { rotatingRedisOptions } from '@rekey/ioredis'
import type { Job, Queue, QueueOptions } from 'bullmq'
import { CREDENTIALS, RekeyModule } from '../examples/nestjs/rekey-module.ts'
import { givesUp, rotatesOnRedis, type RedisOpening, type RedisService } from './redis.ts'

// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class
class App {}

/** Says of each job that it has run, with a number that goes up. */
class Worker extends WorkerHost {
  readonly #waiting = new Map<string, (number: number) => void>()
  #ran = 0

  process({ id = '' }: Job): Promise<void> {
    this.#ran += 1
    this.#waiting.get(id)?.(this.#ran)
    return Promise.resolve()
  }

  ran(id: string): Promise<number> {
    return new Promise((resolve) => void this.#waiting.set(id, resolve))
  }
}
// As a decorator, which would have to be compiled.
Processor({ name: 'jobs' })(Worker)

type Configure = (credentials: CredentialsCache) => QueueOptions

async function serviceOn(
  { credentials }: RedisOpening,
  useFactory: Configure,
): Promise<RedisService> {
  const app = await NestFactory.createApplicationContext(
    {
      module: App,
      imports: [
        RekeyModule.forRootAsync({ useFactory: () => credentials }),
        BullModule.forRootAsync({ inject: [CREDENTIALS], useFactory }),
        BullModule.registerQueue({ name: 'jobs' }),
      ],
      providers: [Worker],
    },
    { logger: false },
  )
  const queue = app.get<Queue>(getQueueToken('jobs'))
  const worker = app.get(Worker)
  queue.on('error', () => {})
  worker.worker.on('error', () => {})
  let asked = 0
  return {
    async count() {
      const jobId = `job-${(asked += 1)}`
      const ran = worker.ran(jobId)
      await queue.add('job', {}, { jobId })
      return ran
    },
    close: () => app.close(),
  }
}

rotatesOnRedis('NestJS with BullMQ', {
  rekey(opening) {
    const { host, port, database: prefix } = opening.server
    return serviceOn(opening, (credentials) => ({
      prefix,
      connection: rotatingRedisOptions(credentials, {
        ...{ host, port, maxRetriesPerRequest: null, rotation: { spread: 0 } },
      }),
    }))
  },
  plain(opening) {
    const { host, port, database: prefix } = opening.server
    const { user: username, password } = opening.account
    const connection = { host, port, username, password, ...givesUp }
    return serviceOn(opening, () => ({ prefix, connection }))
  },
})
