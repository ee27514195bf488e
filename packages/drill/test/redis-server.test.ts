import { expect, test } from 'vitest'
import { serverOf } from '../src/targets/redis/server-of.ts'

test.each([
  ['# Server\r\nredis_version:8.0.6\r\nos:Linux\r\n', 'redis', 'Redis 8.0.6'],
  [
    '# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n',
    'valkey',
    'Valkey 9.1.2',
  ],
])('a server that says %j is %s', (info, database, server) => {
  expect(serverOf(info)).toEqual({ database, server })
})
