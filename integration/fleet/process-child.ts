// One process of a fleet: a pool of one connection, whose credentials come from a key of etcd, which is polled. It says when it
// learns of a version, and at the end when it asked, how many requests were served and which failed.

import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCredentials, fromFunction } from '@rekey/core'
import { fromEtcd } from '@rekey/core/etcd'
import { Pool } from '@rekey/pg'

export interface ChildSettings {
  readonly address: string
  readonly key: string
  readonly ttl: number
  readonly jitter: number
  /** Between two requests. */
  readonly pause: number
  readonly database: { readonly host: string; readonly port: number; readonly database: string }
}

export type ChildMessage =
  | { readonly is: 'ready' }
  | { readonly is: 'changed'; readonly version: string; readonly at: number }
  | {
      readonly is: 'over'
      readonly asked: readonly number[]
      readonly served: number
      readonly failures: readonly string[]
    }

const tell = (message: ChildMessage): void => void process.send?.(message)
const { address, key, ttl, jitter, pause, database } = JSON.parse(
  process.argv[2] ?? '',
) as ChildSettings

subscribe('rekey:change', (message) => {
  const { version } = message as { version: string }
  tell({ is: 'changed', version, at: Date.now() })
})
const source = fromEtcd(key, { address })
const asked: number[] = []
// Not watched: a push comes when it is sent, not when the schedule says.
const polled = fromFunction((context) => {
  asked.push(Date.now())
  return source.load(context)
})
const credentials = createCredentials(polled, { overlap: 3_600_000, ttl, jitter })
const pool = new Pool({ ...database, max: 1, credentials, rotation: { spread: ttl / 10 } })
pool.on('error', () => {})
let going = true
process.once('message', () => (going = false))

let served = 0
const failures: string[] = []
while (going) {
  await pool.query('SELECT 1').then(
    () => (served += 1),
    (error: unknown) => failures.push(String(error)),
  )
  if (served + failures.length === 1) tell({ is: 'ready' })
  await sleep(pause)
}
await pool.end()
await credentials.close()
tell({ is: 'over', asked, served, failures })
process.disconnect()
