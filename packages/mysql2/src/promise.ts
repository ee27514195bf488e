import type promise from 'mysql2/promise'
import driver from 'mysql2/promise'
import { rekeyPromises } from './module.ts'
import type { PromiseFunctions } from './promise-functions.ts'

export type * from 'mysql2/promise'
export const createPool: PromiseFunctions['createPool'] = rekeyPromises.createPool
export default { ...driver, createPool } as Omit<typeof promise, 'createPool'> & PromiseFunctions
