import { connect as tlsConnect } from 'node:tls'
import { Redis } from 'ioredis'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import type { ServerAddress } from './server.ts'

/** Logs in, over TLS if there is an authority to trust, and asks for the version. */
export type Ask = (address: ServerAddress, ca?: string) => Promise<string>

export const asks = {
  postgres: askPostgres,
  mysql: askMysql,
  mariadb: askMysql,
  redis: askRedis,
  valkey: askRedis,
} satisfies Record<string, Ask>

/** What each answers. */
export const versions: Record<keyof typeof asks, RegExp> = {
  postgres: /^18\./,
  mysql: /^9\.7\./,
  mariadb: /^11\.8\./,
  redis: /^8\.0\./,
  valkey: /^9\.1\./,
}

async function askPostgres(address: ServerAddress, ca?: string): Promise<string> {
  const { host, tlsPort: port, user, password } = address
  const login = { host, port, user, password, database: 'postgres' }
  const client = new pg.Client({ ...login, ...(ca && { ssl: { ca } }) })
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version ?? ''
  } finally {
    await client.end()
  }
}

async function askMysql(address: ServerAddress, ca?: string): Promise<string> {
  const { host, tlsPort: port, user, password } = address
  const client = await createConnection({ host, port, user, password, ...(ca && { ssl: { ca } }) })
  try {
    const [rows] = await client.query('SELECT version() AS version')
    return (rows as { version: string }[])[0]?.version ?? ''
  } finally {
    await client.end()
  }
}

async function askRedis(address: ServerAddress, ca?: string): Promise<string> {
  const { host, user: username, password } = address
  if (ca !== undefined) await expectTrust(address, ca)
  const redis = new Redis({
    ...{ host, username, password },
    ...(ca ? { port: address.tlsPort, tls: { ca } } : { port: address.port }),
    lazyConnect: true,
    retryStrategy: null,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = await redis.info('server')
    return (/valkey_version:(\S+)/.exec(info) ?? /redis_version:(\S+)/.exec(info))?.[1] ?? ''
  } finally {
    redis.disconnect()
  }
}

/** The client's own error says only that the connection is closed. */
async function expectTrust({ host, tlsPort: port }: ServerAddress, ca: string): Promise<void> {
  const socket = tlsConnect({ host, port, ca })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  }).finally(() => socket.destroy())
}
