// A program of its own, so that a test can see how it ends: what it says, its exit code, and that it ends at all.

import { createCredentials, fromFunction } from '@rekey/core'
import * as rekey from '@rekey/pg'
import pg from 'pg'

export type Program = 'idle' | 'unused' | 'ended' | 'refused' | 'client' | 'abandoned'

const [way, program] = process.argv.slice(2) as [string, Program]
const { Pool, Client } = way === 'stock' ? pg : rekey
const { CHILD_USER: user = '', CHILD_PASSWORD: password = '' } = process.env
const login =
  way === 'rotating'
    ? {
        credentials: createCredentials(
          fromFunction(() => ({ user, password })),
          { overlap: 60_000 },
        ),
      }
    : { user, password }

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const programs: Record<Program, () => void | Promise<void>> = {
  // Two statements, then nothing more: `allowExitOnIdle` decides whether it stays for the idle timeout.
  idle() {
    const allowExitOnIdle = process.env['CHILD_ALLOW_EXIT'] === '1'
    const pool = new Pool({
      ...login,
      idleTimeoutMillis: 300,
      maxLifetimeSeconds: 5,
      allowExitOnIdle,
    })
    pool.on('remove', () => say('removed'))
    pool.query('SELECT 1', () => {
      say('first')
      setTimeout(() => pool.query('SELECT 1', () => say('second')), 50)
    })
  },
  unused() {
    const pool = new Pool(login)
    say(`a pool of ${pool.options.max}`)
  },
  async ended() {
    const pool = new Pool(login)
    await Promise.all([1, 2, 3].map(() => pool.query('SELECT 1')))
    await pool.end()
    say('ended')
  },
  async refused() {
    const pool = new Pool({ ...login, port: 1 })
    await pool.connect().catch(() => say('refused'))
    await new Client({ ...login, port: 1 }).connect().catch(() => say('refused'))
  },
  async client() {
    const client = new Client(login)
    await client.connect()
    await client.query('SELECT 1')
    await client.end()
    say('ended')
  },
  // Nobody looks at what becomes of the connections.
  async abandoned() {
    const client = new Client(login)
    void client.connect()
    await client.end()
    const pool = new Pool(login)
    const connected = pool.connect()
    void pool.end()
    ;(await connected).release()
    say('abandoned')
  },
}

await programs[program]()
