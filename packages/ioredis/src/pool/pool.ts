import type {
  CredentialsCache,
  DrainedMessage,
  GenerationCounts,
  RotationOptions,
} from '@rekey/core'
import type genericPool from 'generic-pool'
import { install, type Attached } from './attach.ts'
import { DriverPool, parts, type PooledResource } from './driver.ts'
import { clearPool, drainPool, ended } from './end.ts'
import type { CredentialsFactory } from './factory.ts'

/** What rekey adds to the options of generic-pool. */
export interface PoolOptions extends genericPool.Options {
  /** How the pool replaces its connections. Every part has a default that derives from the overlap window. */
  rotation?: RotationOptions | undefined
}

/** generic-pool's `Pool`, and what a rotating one adds to it. */
export interface RotatingPool<T> extends genericPool.Pool<T> {
  /** Connections per version, the oldest first. */
  readonly generations: GenerationCounts[]
  /** Resolves when no connection is older than the newest version, after the sockets have closed. */
  drained(): Promise<void>
  use<U>(use: (resource: T) => U | Promise<U>, priority?: number): Promise<U>
  on(event: 'drained', listener: (message: DrainedMessage) => void): this
  on(event: string | symbol, listener: (...values: never[]) => void): this
}

/** The driver's pool with the calls that a rotation has to know of. */
class Pool<T> extends DriverPool<T> {
  readonly #attached: Attached<T>
  #whenReady: PromiseWithResolvers<void>[] = []

  constructor(
    credentials: CredentialsCache,
    factory: CredentialsFactory<T>,
    { rotation = {}, ...options }: PoolOptions,
  ) {
    // It must not open anything before the rotation is there to count it.
    super(...parts, factory as unknown as genericPool.Factory<T>, { ...options, autostart: false })
    this.#attached = install(this, credentials, factory, rotation, () => super._createResource())
    this._config.autostart = options.autostart !== false
    if (this._config.autostart) this.start()
  }

  get generations(): GenerationCounts[] {
    return this.#attached.rotation.generations
  }

  drained(): Promise<void> {
    return this.#attached.rotation.drained()
  }

  /** A socket that is still closing holds its place at the server. */
  get spareResourceCapacity(): number {
    return this.max - Math.max(this._count, this.#attached.rotation.sessions)
  }

  /** @internal What the rotation dials is promised to nobody. */
  get _potentiallyAllocableResourceCount(): number {
    const idle = this._availableObjects.length + this._testOnBorrowResources.size
    return idle + this.#attached.callersDials
  }

  /** @internal */
  override _createResource(): void {
    if (this.#attached.mayDial) super._createResource()
  }

  /** @internal */
  override _addPooledResourceToAvailableObjects(resource: PooledResource<T>): void {
    super._addPooledResourceToAvailableObjects(resource)
    this.#attached.listed(resource.obj)
    if (this.available < this.min) return
    // Until it is through with a dial, the driver counts it twice.
    for (const { resolve } of this.#whenReady.splice(0)) setImmediate(resolve)
  }

  override acquire(priority?: number): Promise<T> {
    return this._draining ? this._Promise.reject(ended()) : super.acquire(priority)
  }

  override release(resource: T): Promise<void> {
    const leaves = this.isBorrowedResource(resource) && this.#attached.takes(resource)
    return leaves ? this.destroy(resource) : super.release(resource)
  }

  /** The driver's own loses the loan when `use` throws, or returns something else than a promise. */
  override use<U>(use: (resource: T) => U | Promise<U>, priority?: number): Promise<U> {
    const finish = async (resource: T): Promise<U> => {
      try {
        const result = await use(resource)
        if (this.isBorrowedResource(resource)) await this.release(resource)
        return result
      } catch (error) {
        if (this.isBorrowedResource(resource)) await this.destroy(resource)
        throw error
      }
    }
    return this.acquire(priority).then(finish)
  }

  /** The driver's own asks ten times a second, also when the pool has been drained. */
  override ready(): Promise<void> {
    if (this.available >= this.min) return this._Promise.resolve()
    if (this._draining) return this._Promise.reject(ended())
    const waiter = Promise.withResolvers<void>()
    this.#whenReady.push(waiter)
    return waiter.promise
  }

  override drain(): Promise<void> {
    for (const { reject } of this.#whenReady.splice(0)) reject(ended())
    return drainPool(this, this.#attached, () => super.drain())
  }

  override clear(): Promise<void> {
    return clearPool(this, this.#attached)
  }
}

/** A pool of generic-pool whose connections are opened by `factory` with the credentials of the cache, and rotate. */
export function openPool<T>(
  credentials: CredentialsCache,
  factory: CredentialsFactory<T>,
  options: PoolOptions,
): RotatingPool<T> {
  return new Pool(credentials, factory, options) as unknown as RotatingPool<T>
}
