// One pool in a process of its own, which times a piece of work whenever it is asked to. In a shared process the
// compiler would meet two kinds of pool and client in the driver's code, and charge it to the kind that came second:
// even a subclass without a body then cost 1 to 3 % of a checkout.

import { createCredentials, fromFunction } from '@rekey/core'
import { Pool } from '@rekey/pg'
import pg from 'pg'
import type { Account } from '../servers/server.ts'
import { monotonic } from './monotonic.ts'

export type Kind = 'stock' | 'with credentials' | 'without'
export type Work = 'checkout and release' | 'short query'

/** What the process is asked: to do a piece of work so many times. */
export interface Order {
  readonly work: Work
  readonly times: number
}

export interface Setting {
  readonly kind: Kind
  readonly account: Account
  readonly address: { readonly host: string; readonly port: number; readonly database: string }
}

const { kind, account, address } = JSON.parse(process.env['REKEY_BENCH'] ?? '') as Setting
const options = { ...address, max: 4, idleTimeoutMillis: 0 }

function open(): pg.Pool {
  if (kind === 'stock') return new pg.Pool({ ...options, ...account })
  if (kind === 'without') return new Pool({ ...options, ...account })
  const source = fromFunction(() => ({ ...account, version: '1' }))
  return new Pool({ ...options, credentials: createCredentials(source, { overlap: 3_600_000 }) })
}

const pool = open()

const works: Record<Work, (times: number) => Promise<void>> = {
  async 'checkout and release'(times) {
    for (let time = 0; time < times; time += 1) {
      const client = await pool.connect()
      client.release()
    }
  },
  async 'short query'(times) {
    for (let time = 0; time < times; time += 1) await pool.query('select 1')
  },
}

process.on('message', ({ work, times }: Order) => {
  const from = monotonic()
  void works[work](times).then(() => process.send?.(monotonic() - from))
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
