// A program of its own, in which nobody looks at what fails: it says what the process hears of that.

import { createCredentials, fromFunction } from '@rekey/core'
import { Redis } from '@rekey/ioredis'
import { Redis as DriverRedis } from 'ioredis'
import type { Account } from '../servers/server.ts'

export interface UnhandledSetting {
  readonly way: 'stock' | 'plain' | 'rotating'
  readonly address: { readonly host: string; readonly port: number }
  readonly account: Account
  /** A key that holds no list. */
  readonly key: string
}

const { way, address, account, key } = JSON.parse(process.argv[2] ?? '') as UnhandledSetting
const { user: username, password } = account
const login = { ...address, username, password }
const credentials = createCredentials(
  fromFunction(() => account),
  { overlap: 60_000 },
)
const ways: Record<UnhandledSetting['way'], () => DriverRedis> = {
  stock: () => new DriverRedis(login),
  plain: () => new Redis(login),
  rotating: () => new Redis({ ...address, credentials }),
}
const redis = ways[way]()
process.on('unhandledRejection', (error) => {
  process.stdout.write(`${String(error)}\n`)
  redis.disconnect()
})
await redis.set(key, 'no list')
void redis.blpop(key, 1)
