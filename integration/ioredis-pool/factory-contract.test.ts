import { createPool, rotatingFactory } from '@rekey/ioredis/pool'
import { expect } from 'vitest'
import type { Adapter } from '../contract/adapter.ts'
import { rotationContract } from '../contract/rotation-contract.ts'
import { fullDirectoryFactory, type DirectoryClient } from './directory-client.ts'
import { startDirectory } from './directory-server.ts'
import { isGoodbye } from './directory-stage.ts'
import { adaptPool } from './pool-adapter.ts'

const adapter: Adapter<DirectoryClient> = {
  name: 'generic-pool with a factory of its own',
  endedMessage: 'pool is draining and cannot accept work',
  connectServer: startDirectory,
  isGoodbye,
  openPool: (at, credentials, options) =>
    adaptPool(createPool(rotatingFactory(credentials, fullDirectoryFactory(at)), options)),
  userOf: (client) => client.ask('WHOAMI'),
  sessionOf: (client) => client.id,
  counter: {
    make: async () => {},
    async countSlowly(client) {
      await client.ask('COUNT')
      expect(await client.ask('SLEEP')).not.toBe('CANCELLED')
    },
    read: async (client) => Number(await client.ask('READ')),
  },
  holds: {
    async 'a conversation with a memory'(client) {
      let told = 0
      return {
        async check() {
          told += 1
          expect(await client.ask(`NOTE ${told}`)).toBe(String(told))
        },
        async finish() {
          expect(await client.ask('NOTES')).toBe('1,2,3')
        },
      }
    },
  },
}

rotationContract(adapter)
