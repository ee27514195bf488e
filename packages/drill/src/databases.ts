import { mariadb, mysql } from './targets/mysql/index.ts'
import { postgres } from './targets/postgres/index.ts'
import { redis, valkey } from './targets/redis/index.ts'
import type { Database, StartTarget } from './targets/target.ts'

/** How a database is asked for, by the command or by a container's URL. */
interface KnownDatabase {
  /** What URLs to it begin with, the usual one first. */
  readonly schemes: readonly [string, ...string[]]
  /** What comes after it, for a message. */
  readonly address: string
  readonly target: (options: { url?: string | undefined }) => StartTarget
}

/** The databases that the drill knows. */
export const databases: Readonly<Record<Database, KnownDatabase>> = {
  postgres: {
    schemes: ['postgres', 'postgresql'],
    address: 'admin@host:port/database',
    target: postgres,
  },
  mysql: { schemes: ['mysql'], address: 'admin@host:port', target: mysql },
  // Whoever writes a URL to MariaDB may well call it mysql.
  mariadb: { schemes: ['mariadb', 'mysql'], address: 'admin@host:port', target: mariadb },
  redis: { schemes: ['redis', 'rediss'], address: 'admin@host:port', target: redis },
  // The same goes for Valkey.
  valkey: {
    schemes: ['valkey', 'valkeys', 'redis', 'rediss'],
    address: 'admin@host:port',
    target: valkey,
  },
}

export const names: readonly Database[] = Object.keys(databases) as Database[]

export function isDatabase(name: string): name is Database {
  return Object.hasOwn(databases, name)
}

/** The databases that a URL can be of; none if it is no URL of a database that the drill knows. */
export function databasesOf(url: string): Database[] {
  const scheme = URL.canParse(url) ? new URL(url).protocol.slice(0, -1) : ''
  return names.filter((name) => databases[name].schemes.includes(scheme))
}
