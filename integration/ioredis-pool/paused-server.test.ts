import { standingStill } from '../contract/standing-still.ts'
import { connectRedis } from '../servers/redis.ts'
import { adapterFor } from './contract-adapter.ts'

standingStill(adapterFor('redis'), 'redis', connectRedis)
