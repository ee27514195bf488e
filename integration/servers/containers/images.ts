/** The servers that the tests know, by the names that the environment variables use. */
export type ServerName = 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'

/** The official images, in the versions that the tests are for; docker-compose.yml names the same. */
export const officialImages: Readonly<Record<ServerName, string>> = {
  postgres: 'postgres:18',
  mysql: 'mysql:9.7',
  mariadb: 'mariadb:11.8',
  redis: 'redis:8.0',
  valkey: 'valkey/valkey:9.1',
}

/** `REKEY_POSTGRES_IMAGE` and its siblings go before the official image. */
export function imageOf(server: ServerName, environment: NodeJS.ProcessEnv = process.env): string {
  return environment[`REKEY_${server.toUpperCase()}_IMAGE`] || officialImages[server]
}
