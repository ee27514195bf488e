import { topologies, type Topology } from './servers/server.ts'
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

// A driver is loaded when its database is: who asks for help, or has made a mistake, waits for none.
const mysqlTargets = () => import('./targets/mysql/index.ts')
const mysqlSurvey = () => import('./targets/mysql/survey.ts')
const postgresTargets = () => import('./targets/postgres/index.ts')
const postgresSurvey = () => import('./targets/postgres/survey.ts')
const redisTargets = () => import('./targets/redis/index.ts')
const redisSurvey = () => import('./targets/redis/survey.ts')

/** A target that is looked up when it is started. */
function later(find: () => Promise<StartTarget>): StartTarget {
  return async (needs) => (await find())(needs)
}

const inMysql = {
  topologies: alone,
  address: 'admin@host:port',
  makes: 'two accounts and a schema',
  survey: async (url: string) => (await mysqlSurvey()).surveyMysql(url),
  cleanUp: async (url: string) => (await mysqlSurvey()).cleanUpMysql(url),
}

const inRedis = {
  topologies,
  address: 'admin@host:port',
  makes: 'two users, and keys',
  survey: async (url: string) => (await redisSurvey()).surveyRedis(url),
  cleanUp: async (url: string) => (await redisSurvey()).cleanUpRedis(url),
}

/** The databases that the drill knows. */
export const databases: Readonly<Record<Database, KnownDatabase>> = {
  postgres: {
    schemes: ['postgres', 'postgresql'],
    address: 'admin@host:port/database',
    target: (options) => later(async () => (await postgresTargets()).postgres(options)),
    topologies: alone,
    makes: 'three roles and a schema',
    survey: async (url) => (await postgresSurvey()).surveyPostgres(url),
    cleanUp: async (url) => (await postgresSurvey()).cleanUpPostgres(url),
  },
  mysql: {
    ...inMysql,
    schemes: ['mysql'],
    target: (options) => later(async () => (await mysqlTargets()).mysql(options)),
  },
  // Whoever writes a URL to MariaDB may well call it mysql.
  mariadb: {
    ...inMysql,
    schemes: ['mariadb', 'mysql'],
    target: (options) => later(async () => (await mysqlTargets()).mariadb(options)),
  },
  redis: {
    ...inRedis,
    schemes: ['redis', 'rediss'],
    target: (options) => later(async () => (await redisTargets()).redis(options)),
  },
  // The same goes for Valkey.
  valkey: {
    ...inRedis,
    schemes: ['valkey', 'valkeys', 'redis', 'rediss'],
    target: (options) => later(async () => (await redisTargets()).valkey(options)),
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
