// A fleet of real processes against one etcd and one PostgreSQL.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startHolder } from '../../packages/drill/src/servers/start-holder.ts'
import { table } from '../bench/table.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account } from '../servers/server.ts'
import { startServer } from '../servers/start.ts'
import { until } from '../until.ts'
import type { ChildMessage, ChildSettings } from './process-child.ts'
import { seeded, simulate } from './simulate.ts'

const push = 2_000
const patience = 120_000

const at = (sorted: readonly number[], share: number): string =>
  `${((sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN) / 1_000).toFixed(2)} s`
const rowOf = (name: string, sorted: readonly number[]): string[] => [
  name,
  ...[0.5, 0.99, 1].map((share) => at(sorted, share)),
]

/**
 * Starts so many processes, rotates so often, prints what was seen beside what the simulation says, and answers an exit
 * code: 0 if no request has failed.
 */
export async function runProcesses(processes: number, rotations: number): Promise<number> {
  const postgres = await startServer('postgres', { way: 'native', tls: false })
  const server = await connectPostgres(postgres)
  const place = await server.createPlace({ sessions: processes })
  const etcd = await startHolder<string>(new URL('../stores/holder.ts', import.meta.url), {
    kind: 'etcd',
  })
  const key = Buffer.from('fleet').toString('base64')

  async function publish(account: Account): Promise<string> {
    const value = Buffer.from(JSON.stringify(account)).toString('base64')
    const init = { method: 'POST', body: JSON.stringify({ key, value }) }
    const response = await fetch(`${etcd.started}/v3/kv/put`, init)
    return ((await response.json()) as { header: { revision: string } }).header.revision
  }

  const changes: { version: string; at: number }[] = []
  const over: Extract<ChildMessage, { is: 'over' }>[] = []
  let ready = 0

  function startChild(): ChildProcess {
    const { host, port, database } = place
    const settings: ChildSettings = {
      address: etcd.started,
      key: 'fleet',
      push,
      database: { host, port, database },
    }
    const program = fileURLToPath(new URL('./process-child.ts', import.meta.url))
    const child = fork(program, [JSON.stringify(settings)], { execArgv: ['--no-warnings'] })
    child.on('message', (message: ChildMessage) => {
      if (message.is === 'ready') ready += 1
      if (message.is === 'changed') changes.push(message)
      if (message.is === 'over') over.push(message)
    })
    return child
  }

  const children: ChildProcess[] = []
  try {
    let [current, other] = [await place.createAccount(), await place.createAccount()]
    await publish(current)
    // Ten at a time: starting is what costs a processor, not rotating.
    while (children.length < processes) {
      children.push(
        ...Array.from({ length: Math.min(10, processes - children.length) }, startChild),
      )
      await until('processes to be ready', () => ready === children.length, patience)
    }
    console.log(`${processes} processes are ready.`)
    const rows: string[][] = []
    for (let rotation = 1; rotation <= rotations; rotation += 1) {
      ;[current, other] = [await place.rotate(other), current]
      const from = Date.now()
      const version = await publish(current)
      const known = () => changes.filter((change) => change.version === version)
      await until('everybody to know', () => known().length === processes, patience)
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
      rows.push(
        rowOf(
          `rotation ${rotation}`,
          known()
            .map((change) => change.at - from)
            .toSorted((a, b) => a - b),
        ),
      )
      await sleep(1_000)
    }
    const pool = { connections: 1, spread: push }
    const timings = { ttl: 300_000, jitter: 0.1, startedOver: 0, duration: 30_000, pool }
    const { noticed } = simulate(
      { ...timings, processes, rotation: { at: 10_000, push } },
      seeded(1),
    )
    rows.push(rowOf('simulated', noticed))
    console.log(table(['known to', '50 %', '99 %', '100 %'], rows))
    for (const child of children) child.send('stop')
    await until('all processes to end', () => over.length === processes, patience)
    const failures = over.flatMap((one) => one.failures)
    const served = over.reduce((sum, one) => sum + one.served, 0)
    console.log(
      `${served} requests served, ${failures.length} failed, ${(await place.refusedLogins()).length} logins refused`,
    )
    for (const failure of new Set(failures)) console.log(failure)
    return failures.length === 0 ? 0 : 1
  } finally {
    const running = children.filter((child) => child.exitCode === null && child.signalCode === null)
    const gone = Promise.all(running.map((child) => once(child, 'exit')))
    for (const child of running) child.kill()
    await gone
    await place[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await etcd.stop()
    await postgres.stop()
  }
}
