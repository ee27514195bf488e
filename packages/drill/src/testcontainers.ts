import { databases, databasesOf, names } from './databases.ts'
import { DrillError } from './error.ts'
import type { StartTarget } from './targets/target.ts'

/**
 * What a started container of Testcontainers' database modules can tell, such as `StartedPostgreSqlContainer`,
 * `StartedMySqlContainer`, `StartedMariaDbContainer` and `StartedRedisContainer`. It is known by its shape: which version of
 * Testcontainers, and whose copy, does not matter.
 */
export type StartedDatabaseContainer =
  | {
      /** Where the database is, as an account that may create others. Those of MySQL and MariaDB ask whether as root. */
      getConnectionUri(asRoot?: boolean): string
    }
  | {
      /** The same of Redis, of which Valkey is one. */
      getConnectionUrl(): string
    }

/**
 * Turns a started container into the server of a {@link drill}: `drill({ target: fromContainer(container) })`. The drill makes
 * accounts of its own in it and removes them; it neither starts nor stops the container.
 *
 * @throws {DrillError} if it is not a started container of a database that the drill knows.
 *
 * @example
 * ```ts
 * const container = await new PostgreSqlContainer('postgres:18').start()
 * assertZeroDowntime(await drill({ target: fromContainer(container) }))
 * ```
 */
export function fromContainer(container: StartedDatabaseContainer): StartTarget {
  const url = urlOf(container)
  const [database] = databasesOf(url)
  if (database !== undefined) return databases[database].target({ url })
  const scheme = new URL(url).protocol.slice(0, -1)
  throw new DrillError(`The container is of ${scheme}; the drill knows ${names.join(', ')}.`)
}

function urlOf(container: StartedDatabaseContainer): string {
  const url = tell(container)
  if (URL.canParse(url)) return url
  throw new DrillError(
    'This is not a started container that tells where its database is: give what the `start()` of a `PostgreSqlContainer`, ' +
      '`MySqlContainer`, `MariaDbContainer` or `RedisContainer` resolves with. For any other container, take its URL: ' +
      '`postgres({ url })`, `mysql({ url })`, `mariadb({ url })`, `redis({ url })` or `valkey({ url })` as the target.',
  )
}

function tell(container: StartedDatabaseContainer): string {
  if ('getConnectionUri' in container) return container.getConnectionUri(true)
  return 'getConnectionUrl' in container ? container.getConnectionUrl() : ''
}
