import { checkCredentials, type CredentialsCache } from '@rekey/core'
import genericPool from 'generic-pool'
import type { CredentialsFactory } from './factory.ts'
import { checkFactory, checkPoolOptions } from './options.ts'
import { openPool, type PoolOptions, type RotatingPool } from './pool.ts'
import { standAlone } from './stand-alone.ts'

/** A factory of generic-pool whose connections log in with rotating credentials. */
export interface RotatingFactory<T> extends genericPool.Factory<T> {
  validate(connection: T): Promise<boolean>
}

interface Ingredients<T> {
  readonly credentials: CredentialsCache
  readonly factory: CredentialsFactory<T>
}

const made = new WeakMap<object, Ingredients<never>>()

/**
 * Makes a factory for any kind of connection rotate. Give it to {@link createPool} of this package, whose pool then
 * rotates as a whole. (In a pool that generic-pool has built by itself it does what a factory can: new connections use
 * the current pair, `max` counts until the sockets are closed, failed dials back off, and with `testOnBorrow` old
 * connections leave when they would be lent.)
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for `credentials` that are not a cache, and for a factory that is not one.
 *
 * @example
 * const factory = rotatingFactory(credentials, {
 *   create: ({ user, password }) => bind(url, user, password.reveal()),
 *   destroy: (client) => client.unbind(),
 *   refused: (error) => error instanceof InvalidCredentialsError,
 * })
 * const pool = createPool(factory, { max: 10 })
 */
export function rotatingFactory<T>(
  credentials: CredentialsCache,
  factory: CredentialsFactory<T>,
): RotatingFactory<T> {
  checkCredentials(credentials)
  checkFactory(factory)
  const rotating = standAlone(credentials, factory)
  made.set(rotating, { credentials, factory } as Ingredients<never>)
  return rotating
}

/**
 * generic-pool's `createPool`. With a factory of {@link rotatingFactory} the pool rotates; with any other it is the
 * driver's own.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for an option with a value that is not allowed; `ERR_REKEY_BUDGET` if the
 * rotation does not fit into the overlap window. Both only with a factory of {@link rotatingFactory}.
 *
 * @example
 * const pool = createPool(rotatingFactory(credentials, factory), { max: 10, rotation: { atOnce: 2 } })
 * await pool.drained()
 */
export function createPool<T>(factory: RotatingFactory<T>, options?: PoolOptions): RotatingPool<T>
export function createPool<T>(
  factory: genericPool.Factory<T>,
  options?: genericPool.Options,
): genericPool.Pool<T>
export function createPool<T>(
  factory: genericPool.Factory<T>,
  options?: PoolOptions,
): genericPool.Pool<T> {
  const ingredients = made.get(factory) as Ingredients<T> | undefined
  if (ingredients === undefined) return genericPool.createPool(factory, options)
  checkPoolOptions(options ?? {})
  return openPool(ingredients.credentials, ingredients.factory, options ?? {})
}
