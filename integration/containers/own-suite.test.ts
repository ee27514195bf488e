import { assertZeroDowntime, drill } from '@rekey/drill'
import { fromContainer } from '@rekey/drill/testcontainers'
import { PostgreSqlContainer } from '@testcontainers/postgresql'
import { test } from 'vitest'

test(
  'rotating the credentials of our PostgreSQL is a non-event',
  { timeout: 120_000 },
  async () => {
    const image = process.env['REKEY_POSTGRES_IMAGE'] || 'postgres:18'
    await using container = await new PostgreSqlContainer(image).start()
    const report = await drill({ target: fromContainer(container), rotations: 3, max: 10 })
    assertZeroDowntime(report)
  },
)
