import { topologies, type Topology } from './servers/server.ts'
import { mariadb, mysql } from './targets/mysql/index.ts'
import { cleanUpMysql, surveyMysql } from './targets/mysql/survey.ts'
import { postgres } from './targets/postgres/index.ts'
import { cleanUpPostgres, surveyPostgres } from './targets/postgres/survey.ts'
import { redis, valkey } from './targets/redis/index.ts'
import { cleanUpRedis, surveyRedis } from './targets/redis/survey.ts'
import type { Leftovers, Survey } from './targets/survey.ts'
import type { Database, StartTarget } from './targets/target.ts'

/** How a database is asked for, by the command or by a container's URL. */
interface KnownDatabase {
  /** What URLs to it begin with, the usual one first. */
  readonly schemes: readonly [string, ...string[]]
  /** What comes after it, for a message. */
  readonly address: string
  readonly target: (options: { url?: string | undefined; topology?: Topology }) => StartTarget
  /** How its own server can be set up. */
  readonly topologies: readonly Topology[]
  /** What a drill makes in it, for a question. */
  readonly makes: string
  /** Looks at a server, and makes nothing. @throws {DrillError} if it cannot be reached. */
  readonly survey: (url: string) => Promise<Survey>
  /** Removes what drills have left that are not running any more. @throws {DrillError} if it cannot be reached. */
  readonly cleanUp: (url: string) => Promise<Leftovers>
}

const alone: readonly Topology[] = ['single']

const inMysql = {
  topologies: alone,
  address: 'admin@host:port',
  makes: 'two accounts and a schema',
  survey: surveyMysql,
  cleanUp: cleanUpMysql,
}

const inRedis = {
  topologies,
  address: 'admin@host:port',
  makes: 'two users, and keys',
  survey: surveyRedis,
  cleanUp: cleanUpRedis,
}

/** The databases that the drill knows. */
export const databases: Readonly<Record<Database, KnownDatabase>> = {
  postgres: {
    schemes: ['postgres', 'postgresql'],
    address: 'admin@host:port/database',
    target: postgres,
    topologies: alone,
    makes: 'three roles and a schema',
    survey: surveyPostgres,
    cleanUp: cleanUpPostgres,
  },
  mysql: { ...inMysql, schemes: ['mysql'], target: mysql },
  // Whoever writes a URL to MariaDB may well call it mysql.
  mariadb: { ...inMysql, schemes: ['mariadb', 'mysql'], target: mariadb },
  redis: { ...inRedis, schemes: ['redis', 'rediss'], target: redis },
  // The same goes for Valkey.
  valkey: {
    ...inRedis,
    schemes: ['valkey', 'valkeys', 'redis', 'rediss'],
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
