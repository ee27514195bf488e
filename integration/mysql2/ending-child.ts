// A process that brings a pool into some state and ends it. It must then be over by itself.

import { createCredentials, fromFunction } from '@rekey/core'
import mysql from '@rekey/mysql2/promise'
import type { Account } from '../servers/server.ts'
import type { EndingSetting } from './ending-setting.ts'

const setting = JSON.parse(process.argv[2] ?? '') as EndingSetting
const [first, second] = setting.accounts
let published: Account = first
let storeHangs = false

const credentials = createCredentials(
  fromFunction(() => (storeHangs ? new Promise<never>(() => {}) : published)),
  { overlap: 60 * 60_000, loadDeadline: 500 },
)
const pool = mysql.createPool({
  ...setting.address,
  credentials,
  connectionLimit: 3,
  maxIdle: 2,
  rotation: { spread: 10 * 60_000 },
})

const lend = () => Promise.all([pool.getConnection(), pool.getConnection(), pool.getConnection()])

async function fill(): Promise<void> {
  for (const connection of await lend()) connection.release()
}

async function rotateTo(account: Account): Promise<void> {
  published = account
  await credentials.refresh()
}

const states: Record<EndingSetting['state'], () => Promise<void>> = {
  unused: async () => {},
  idle: fill,
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
    pool.getConnection().catch(() => {})
  },
  'with callers in the queue': async () => {
    // The end does not wait for those who hold a connection.
    await lend()
    for (let caller = 0; caller < 10; caller += 1) pool.query('SELECT 1').catch(() => {})
  },
}

await states[setting.state]()
await pool.end()
await credentials.close()
console.log(JSON.stringify({ alive: process.getActiveResourcesInfo().filter(isOurs) }))

// Where the output goes is not ours to close.
function isOurs(resource: string): boolean {
  return !['PipeWrap', 'TTYWrap', 'FSReqPromise'].includes(resource)
}
