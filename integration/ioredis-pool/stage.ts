import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { connectRedis } from '../servers/redis.ts'

export function server(name: 'redis' | 'valkey'): ServerAccess {
  return {
    connectServer: async () => connectRedis(await serverAddress(name)),
    isGoodbye: (chunk) => /quit\r\n$/i.test(chunk.toString('latin1')),
  }
}

export async function openStage(): Promise<Stage> {
  return new Stage(await setUp(server('redis'), 4))
}
