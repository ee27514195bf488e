import { assertZeroDowntime, drill } from '@rekey/drill'
import { fromContainer } from '@rekey/drill/testcontainers'
import { MariaDbContainer } from '@testcontainers/mariadb'
import { MySqlContainer } from '@testcontainers/mysql'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import { RedisContainer } from '@testcontainers/redis'
import { test } from 'vitest'

test.concurrent.each([
  [
    'PostgreSQL',
    new PostgreSqlContainer(process.env['REKEY_POSTGRES_IMAGE'] || 'postgres:18').withHealthCheck({
      test: ['CMD', 'pg_isready', '--host', 'localhost', '--username', 'test'],
      interval: 1_000,
      retries: 100,
    }),
  ],
  ['MySQL', new MySqlContainer(process.env['REKEY_MYSQL_IMAGE'] || 'mysql:9.7')],
  ['MariaDB', new MariaDbContainer(process.env['REKEY_MARIADB_IMAGE'] || 'mariadb:11.8')],
  ['Redis', new RedisContainer(process.env['REKEY_REDIS_IMAGE'] || 'redis:8.0')],
])(
  'rotating the credentials of our %s is a non-event',
  { timeout: 180_000 },
  async (_, container) => {
    await using started = await container.start()
    const report = await drill({ target: fromContainer(started), rotations: 3, rate: 100, max: 10 })
    assertZeroDowntime(report)
  },
)
