import { expect, test } from 'vitest'
import { dialectOf } from '../src/targets/mysql/dialect.ts'

test.each([
  ['9.7.4', 'mysql', 'MySQL 9.7.4'],
  ['8.0.42-0ubuntu0.24.04.1', 'mysql', 'MySQL 8.0.42'],
  ['11.8.9-MariaDB-4 from Debian', 'mariadb', 'MariaDB 11.8.9'],
  ['10.11.6-MariaDB-log', 'mariadb', 'MariaDB 10.11.6'],
])('a server of version %s is %s', (version, database, server) => {
  expect(dialectOf(version)).toMatchObject({ database, server })
})
