import type { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { FlowProducer, Queue, QueueEvents, Worker, type ConnectionOptions } from 'bullmq'

/** Milliseconds between two jobs that are asked for. */
const askEvery = 10

/** Checks for stalled jobs come several times in each run, and find a lock that is not renewed. */
const timings = { stalledInterval: 250, lockDuration: 2_000, drainDelay: 1 }

/** What people build with BullMQ: somebody who asks for jobs, workers that do them, and somebody who is told of them. */
export class Service {
  readonly #queue: Queue
  readonly #flow: FlowProducer
  readonly #events: QueueEvents
  readonly #workers: readonly Worker[]
  readonly #asking = new Set<Promise<unknown>>()
  /** How often each job has run, by its number. */
  readonly ran: Map<number, number> = new Map()
  /** How often its end was told, by its number. */
  readonly told: Map<number, number> = new Map()
  /** What did not go well. */
  readonly trouble: string[] = []
  asked = 0

  constructor(connection: ConnectionOptions, prefix: string) {
    const options = { connection, prefix }
    this.#queue = new Queue('jobs', options)
    this.#flow = new FlowProducer(options)
    this.#events = new QueueEvents('jobs', options)
    this.#workers = [1, 2].map(
      () =>
        new Worker(
          'jobs',
          async ({ data }) => {
            count(this.ran, data.number)
            await sleep(10)
            return data.number as number
          },
          { ...options, ...timings, concurrency: 10 },
        ),
    )
    for (const worker of this.#workers)
      worker.on('stalled', (id) => this.trouble.push(`${id} stalled`))
    const all: EventEmitter[] = [this.#queue, this.#flow, this.#events, ...this.#workers]
    for (const each of all) {
      each.on('error', ({ message }: Error) => this.trouble.push(message))
    }
    this.#events.on('completed', ({ returnvalue }) => count(this.told, Number(returnvalue)))
    this.#events.on('failed', ({ jobId, failedReason }) => {
      this.trouble.push(`${jobId} failed: ${failedReason}`)
    })
    this.#events.on('stalled', ({ jobId }) => this.trouble.push(`${jobId} stalled`))
  }

  /** When all that is to be heard is heard. */
  async ready(): Promise<void> {
    const all = [this.#queue, this.#flow, this.#events, ...this.#workers]
    await Promise.all(all.map((each) => each.waitUntilReady()))
  }

  /** Asks for jobs until the returned function is called: at once, later, and in flows. */
  ask(): () => void {
    const timer = setInterval(() => this.#askOne(), askEvery)
    return () => clearInterval(timer)
  }

  /** Whether all that was asked for has run, and was told. */
  isThrough(): boolean {
    return this.#asking.size === 0 && this.ran.size === this.asked && this.told.size === this.asked
  }

  async close(): Promise<void> {
    const all = [...this.#workers, this.#events, this.#flow, this.#queue]
    await Promise.all(all.map((each) => each.close()))
  }

  #askOne(): void {
    const turn = this.asked % 20
    const job = (): { name: string; data: { number: number } } => ({
      name: 'job',
      data: { number: (this.asked += 1) },
    })
    const { name, data } = job()
    const added =
      turn === 0
        ? this.#flow.add({
            ...{ name, data, queueName: 'jobs' },
            children: [job(), job()].map((child) => ({ ...child, queueName: 'jobs' })),
          })
        : this.#queue.add(name, data, turn % 4 === 0 ? { delay: 200 } : {})
    const asking = added
      .catch((error: Error) => this.trouble.push(error.message))
      .finally(() => this.#asking.delete(asking))
    this.#asking.add(asking)
  }
}

function count(counts: Map<number, number>, number: number): void {
  counts.set(number, (counts.get(number) ?? 0) + 1)
}
