// A program of its own, so that a test can see how it ends: what it says, its exit code, and that it ends at all.

import { createCredentials, fromFunction } from '@rekey/core'
import rekey from '@rekey/mysql2'
import mysql from 'mysql2'
import type { Account } from '../servers/server.ts'

export type Program = 'unused' | 'over' | 'idle'

export interface ProcessSetting {
  readonly way: 'stock' | 'plain' | 'rotating'
  readonly program: Program
  readonly address: { readonly host: string; readonly port: number }
  readonly account: Account
}

const { way, program, address, account } = JSON.parse(process.argv[2] ?? '') as ProcessSetting
// The driver's own take the same, but for credentials.
const { createPool, createConnection } =
  way === 'stock' ? (mysql as unknown as typeof rekey) : rekey
const login =
  way === 'rotating'
    ? {
        credentials: createCredentials(
          fromFunction(() => account),
          { overlap: 60_000 },
        ),
      }
    : account
const config = { ...address, ...login }

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** A pool that says when the socket of a connection is closed. */
function openPool(): mysql.Pool {
  const pool = createPool(config)
  pool.on('connection', (connection) => {
    const { stream } = connection as unknown as { stream: NodeJS.EventEmitter }
    stream.once('close', () => say('closed'))
  })
  return pool
}

const programs: Record<Program, () => void> = {
  unused() {
    createPool(config)
    say('unused')
  },
  // One after the other, each of which would keep the process alive if it were not over.
  over() {
    const pool = openPool()
    pool.query('SELECT 1', () => pool.end(() => say('pool')))
    // Ended in the same turn.
    const abandoned = createPool(config)
    abandoned.getConnection(() => {})
    abandoned.end(() => say('abandoned pool'))
    createPool({ ...config, port: 1 }).getConnection((error) => say(error?.code ?? ''))
    const refused = createConnection({ ...config, port: 1 })
    refused.on('error', (error: mysql.QueryError) => say(error.code))
    const connection = createConnection(config)
    connection.query('SELECT 1', () => connection.end(() => say('connection')))
  },
  // The driver's pool keeps its connections, and they the process, until the server ends them.
  idle() {
    openPool().query('SELECT 1', () => say('idle'))
  },
}

programs[program]()
