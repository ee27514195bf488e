// A process that brings a pool into some state and ends it. It must then be over by itself.

import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createCredentials, fromFunction } from '@rekey/core'
import { Pool } from '@rekey/pg'
import type { Account } from '../servers/server.ts'
import type { EndingSetting } from './ending-setting.ts'

const setting = JSON.parse(process.argv[2] ?? '') as EndingSetting
const [first, second] = setting.accounts
const cancels = setting.state === 'cancelling a statement at a server that says nothing'
let published: Account = first
let storeHangs = false

const credentials = createCredentials(
  fromFunction(() => (storeHangs ? new Promise<never>(() => {}) : published)),
  { overlap: 60 * 60_000, loadDeadline: 500 },
)
const pool = new Pool({
  ...setting.address,
  credentials,
  max: 3,
  idleTimeoutMillis: 60_000,
  allowExitOnIdle: setting.state === 'idle and forgotten',
  rotation: cancels
    ? { spread: 0, drainDeadline: 1, atDrainDeadline: 'cancel' }
    : { spread: 10 * 60_000 },
})

async function fill(): Promise<void> {
  const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
  for (const client of clients) client.release()
}

async function rotateTo(account: Account): Promise<void> {
  published = account
  await credentials.refresh()
}

const states: Record<EndingSetting['state'], () => Promise<void>> = {
  unused: async () => {},
  idle: fill,
  'idle and forgotten': fill,
  'in the middle of a rotation': async () => {
    await fill()
    await rotateTo(second)
  },
  'beside a candidate that was refused': async () => {
    await fill()
    await rotateTo({ ...second, password: 'wrong' })
  },
  'while a store hangs': async () => {
    storeHangs = true
    pool.connect().catch(() => {})
  },
  'with callers in the queue': async () => {
    await fill()
    const lent = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    for (let caller = 0; caller < 10; caller += 1) pool.query('SELECT 1').catch(() => {})
    setTimeout(() => {
      for (const client of lent) client.release()
    }, 50)
  },
  'cancelling a statement at a server that says nothing': async () => {
    const silent = createServer().listen(0, '127.0.0.1').unref()
    await once(silent, 'listening')
    const lent = await pool.connect()
    // Whoever cancels what a client does goes where the client has gone.
    Object.assign(lent, { host: '127.0.0.1', port: (silent.address() as AddressInfo).port })
    silent.on('connection', (socket) => socket.unref())
    subscribe('rekey:stalled', () => {})
    await Promise.all([once(silent, 'connection'), rotateTo(second)])
    lent.release()
  },
}

await states[setting.state]()
if (setting.state !== 'idle and forgotten') {
  await pool.end()
  await credentials.close()
}
console.log(JSON.stringify({ alive: process.getActiveResourcesInfo().filter(isOurs) }))

// Where the output goes is not ours to close.
function isOurs(resource: string): boolean {
  return !['PipeWrap', 'TTYWrap', 'FSReqPromise'].includes(resource)
}
