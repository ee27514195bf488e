import genericPool from 'generic-pool'

// What is used of generic-pool 3.9 beyond its published types.

/** A resource as the pool keeps it. */
export interface PooledResource<T> {
  readonly obj: T
}

/** Somebody who waits in the queue. */
interface ResourceRequest {
  readonly state: 'PENDING' | 'FULFILLED' | 'REJECTED'
  reject(error: unknown): void
}

interface DequeIterator<Item> {
  next(): { readonly done: boolean; readonly value?: Item }
  remove(): void
}

interface Deque<Item> extends Iterable<Item> {
  readonly length: number
  shift(): Item | undefined
  iterator(): DequeIterator<Item>
}

type Overridden =
  | 'spareResourceCapacity'
  | 'acquire'
  | 'release'
  | 'use'
  | 'ready'
  | 'drain'
  | 'clear'

export interface PoolInternals<T> extends Omit<genericPool.Pool<T>, Overridden> {
  acquire(priority?: number): Promise<T>
  release(resource: T): Promise<void>
  use<U>(use: (resource: T) => U | Promise<U>, priority?: number): Promise<U>
  ready(): Promise<void>
  drain(): Promise<void>
  clear(): Promise<void>
  _config: { autostart: boolean; fifo: boolean }
  _Promise: PromiseConstructor
  _factory: genericPool.Factory<T>
  _draining: boolean
  readonly _count: number
  readonly _waitingClientsQueue: { readonly length: number; dequeue(): ResourceRequest | undefined }
  readonly _factoryCreateOperations: Set<Promise<unknown>>
  readonly _factoryDestroyOperations: Set<Promise<unknown>>
  readonly _availableObjects: Deque<PooledResource<T>>
  readonly _testOnBorrowResources: Set<PooledResource<T>>
  readonly _allObjects: Set<PooledResource<T>>
  _createResource(): void
  _destroy(resource: PooledResource<T>): void
  _dispense(): void
  _ensureMinimum(): void
  _addPooledResourceToAvailableObjects(resource: PooledResource<T>): void
}

type PoolClass = new <T>(
  Evictor: unknown,
  Deque: unknown,
  PriorityQueue: unknown,
  factory: genericPool.Factory<T>,
  options: genericPool.Options,
) => PoolInternals<T>

/** The parts that the pool is put together from are missing in the driver's types. */
interface DriverModule {
  readonly Pool: PoolClass
  readonly DefaultEvictor: unknown
  readonly Deque: unknown
  readonly PriorityQueue: unknown
}

const driver = genericPool as unknown as DriverModule

export const DriverPool: PoolClass = driver.Pool
export const parts: readonly [unknown, unknown, unknown] = [
  driver.DefaultEvictor,
  driver.Deque,
  driver.PriorityQueue,
]
