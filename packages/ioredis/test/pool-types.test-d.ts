// Checked by the compiler alone: `tsc -b` fails where a line of this is wrong.

import type {
  Credentials,
  CredentialsCache,
  DrainedMessage,
  GenerationCounts,
  RotationOptions,
} from '@rekey/core'
import driver from 'generic-pool'
import type { Redis } from 'ioredis'
import {
  createPool,
  createRedisPool,
  rotatingFactory,
  type CredentialsFactory,
  type PoolOptions,
  type RotatingPool,
} from '../src/pool/index.ts'

declare const credentials: CredentialsCache
declare const plain: driver.Factory<Date>
declare const own: CredentialsFactory<Date>

/** Fails to compile unless it is given `true`. */
type Holds<Claim extends true> = Claim

type IsAny<Type> = 0 extends 1 & Type ? true : false

type Equal<A, B> = [A, B, IsAny<A>] extends [B, A, IsAny<B>] ? true : false

// Wherever the ecosystem takes the driver's own, it takes ours.

export const redisPool: driver.Pool<Redis> = createRedisPool(credentials, { host: 'localhost' })
export const ownPool: driver.Pool<Date> = createPool(rotatingFactory(credentials, own))
export const plainPool: driver.Pool<Date> = createPool(plain, { max: 2 })
export const factory: driver.Factory<Date> = rotatingFactory(credentials, own)
export const stock: driver.Pool<Date> = driver.createPool(rotatingFactory(credentials, own))
export const options: PoolOptions = { max: 2, testOnBorrow: true } satisfies driver.Options

// What it adds is typed.

declare const pool: RotatingPool<Date>
type _Claims = [
  Holds<Equal<typeof pool.generations, GenerationCounts[]>>,
  Holds<Equal<ReturnType<typeof pool.drained>, Promise<void>>>,
  Holds<Equal<PoolOptions['rotation'], RotationOptions | undefined>>,
  Holds<Equal<Awaited<ReturnType<typeof pool.acquire>>, Date>>,
  Holds<Equal<Parameters<CredentialsFactory<Date>['create']>, [Credentials, AbortSignal]>>,
]
pool.on('drained', ({ version, after }: DrainedMessage) => void [version, after])
pool.on('factoryCreateError', (error: Error) => void error)
export const used: Promise<number> = pool.use((date) => date.getTime(), 1)
export const url: RotatingPool<Redis> = createRedisPool(credentials, 'redis://localhost', {
  max: 2,
})

// Mistakes are found.

// @ts-expect-error -- credentials come first
createRedisPool({ host: 'localhost' })
// @ts-expect-error -- a pair is not a cache
createRedisPool({ user: 'a', password: 'b' }, {})
// @ts-expect-error -- a factory has to close what it opens
rotatingFactory(credentials, { create: async () => new Date() })
// @ts-expect-error -- a plain factory's pool does not rotate
void createPool(plain).generations
// @ts-expect-error -- nothing of that name
createPool(rotatingFactory(credentials, own), { rotation: { pace: 1 } })
