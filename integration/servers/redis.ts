import { pauseNode } from './pause.ts'
import { Fleet } from './redis-groups/fleet.ts'
import { createRedisPlace } from './redis-place.ts'
import type { DualPasswords, Place, Server, ServerAddress } from './server.ts'

/** A server that was started elsewhere: Redis or Valkey. */
export async function connectRedis(address: ServerAddress): Promise<Server<Place & DualPasswords>> {
  const { host, port, password } = address
  const fleet = new Fleet([address], password)
  return {
    host,
    port,
    createPlace: async () => createRedisPlace(fleet),
    pause: () => pauseNode(address),
    async [Symbol.asyncDispose]() {
      fleet[Symbol.dispose]()
    },
  }
}
