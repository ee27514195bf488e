import fastifyRedis, { type FastifyRedisPluginOptions } from '@fastify/redis'
import { Redis } from '@rekey/ioredis'
import fastify from 'fastify'
import { givesUp, rotatesOnRedis, type RedisService } from './redis.ts'

async function serviceOn(options: FastifyRedisPluginOptions, key: string): Promise<RedisService> {
  const app = fastify()
  await app.register(fastifyRedis, options)
  app.redis.on('error', () => {})
  app.get('/count', () => app.redis.incr(key))
  await app.ready()
  return {
    async count() {
      const { statusCode, body } = await app.inject('/count')
      if (statusCode === 200) return Number(body)
      throw new Error(`It answered ${statusCode}: ${body}`)
    },
    close: () => app.close(),
  }
}

rotatesOnRedis('@fastify/redis', {
  rekey({ server: { host, port, database }, credentials }) {
    const client = new Redis({ host, port, credentials, rotation: { spread: 0 } })
    return serviceOn({ client, closeClient: true }, `${database}count`)
  },
  plain({ server: { host, port, database }, account: { user: username, password } }) {
    return serviceOn({ host, port, username, password, ...givesUp }, `${database}count`)
  },
})
