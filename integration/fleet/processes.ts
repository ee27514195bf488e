// A fleet of real processes against one etcd and one PostgreSQL.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startHolder } from '../../packages/drill/src/servers/start-holder.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account, ServerAddress } from '../servers/server.ts'
import { until } from '../until.ts'
import { compare, type Comparison, type FleetRun } from './compare.ts'
import type { ChildMessage, ChildSettings } from './process-child.ts'

const patience = 120_000

/** Core's own default. */
const jitter = 0.1

export interface FleetSettings {
  readonly processes: number
  readonly rotations: number
  /** Milliseconds. Each process makes ten requests in that time. */
  readonly ttl: number
  readonly postgres: ServerAddress
}

export interface FleetOutcome {
  readonly served: number
  readonly failures: readonly string[]
  readonly refusedLogins: number
  /** For each rotation, milliseconds until each process knew of it. */
  readonly noticed: readonly (readonly number[])[]
  readonly comparison: readonly Comparison[]
}

/** Whether nothing has failed, and the simulation has predicted what was measured. */
export function hasPassed({ failures, comparison }: FleetOutcome): boolean {
  return failures.length === 0 && comparison.every(({ isPredicted }) => isPredicted)
}

/** Starts so many processes, rotates so often, and compares what was seen with what the simulation says. */
export async function runProcesses(settings: FleetSettings): Promise<FleetOutcome> {
  const { processes, rotations, ttl } = settings
  const server = await connectPostgres(settings.postgres)
  const place = await server.createPlace({ sessions: processes })
  const etcd = await startHolder<string>(new URL('../stores/holder.ts', import.meta.url), {
    kind: 'etcd',
  })
  const key = Buffer.from('fleet').toString('base64')
  const pause = ttl / 10

  async function publish(account: Account): Promise<string> {
    const value = Buffer.from(JSON.stringify(account)).toString('base64')
    const init = { method: 'POST', body: JSON.stringify({ key, value }) }
    const response = await fetch(`${etcd.started}/v3/kv/put`, init)
    return ((await response.json()) as { header: { revision: string } }).header.revision
  }

  const changes: { version: string; at: number }[] = []
  const ended: Extract<ChildMessage, { is: 'over' }>[] = []
  let ready = 0

  function startChild(): ChildProcess {
    const { host, port, database } = place
    const own: ChildSettings = {
      address: etcd.started,
      key: 'fleet',
      ...{ ttl, jitter, pause },
      database: { host, port, database },
    }
    const program = fileURLToPath(new URL('./process-child.ts', import.meta.url))
    const child = fork(program, [JSON.stringify(own)], { execArgv: ['--no-warnings'] })
    child.on('message', (message: ChildMessage) => {
      if (message.is === 'ready') ready += 1
      if (message.is === 'changed') changes.push(message)
      if (message.is === 'over') ended.push(message)
    })
    return child
  }

  const children: ChildProcess[] = []
  try {
    let [current, other] = [await place.createAccount(), await place.createAccount()]
    await publish(current)
    const start = Date.now()
    // Ten at a time: starting is what costs a processor, not rotating.
    while (children.length < processes) {
      children.push(
        ...Array.from({ length: Math.min(10, processes - children.length) }, startChild),
      )
      await until('processes to be ready', () => ready === children.length, patience)
    }
    const started = Date.now() - start
    const published: number[] = []
    const noticed: number[][] = []
    let over = 0
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      ;[current, other] = [await place.rotate(other), current]
      const at = Date.now()
      const version = await publish(current)
      const known = () => changes.filter((change) => change.version === version)
      await until('everybody to know', () => known().length === processes, patience)
      over = Date.now() - start
      published.push(at - start)
      noticed.push(known().map((change) => change.at - at))
      const { user } = current
      await until(
        'all sessions to be new',
        async () => {
          const sessions = await place.sessions()
          return sessions.length > 0 && sessions.every((session) => session.user === user)
        },
        patience,
      )
      await place.revoke(other)
      // Everybody makes two more requests.
      await sleep(2 * pause)
    }
    for (const child of children) child.send('stop')
    await until('all processes to end', () => ended.length === processes, patience)
    const asked = ended.map((one) => one.asked.map((at) => at - start))
    const run: FleetRun = { processes, ttl, jitter, started, published, over }
    return {
      served: ended.reduce((sum, one) => sum + one.served, 0),
      failures: ended.flatMap((one) => one.failures),
      refusedLogins: (await place.refusedLogins()).length,
      noticed,
      comparison: compare(run, { asked, noticed }),
    }
  } finally {
    const running = children.filter((child) => child.exitCode === null && child.signalCode === null)
    const gone = Promise.all(running.map((child) => once(child, 'exit')))
    for (const child of running) child.kill()
    await gone
    await place[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await etcd.stop()
  }
}
