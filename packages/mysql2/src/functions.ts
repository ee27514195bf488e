import type { CredentialsCache } from '@rekey/core'
import { connectionFactory, type CreateConnection } from './connection.ts'
import type { Driver } from './driver.ts'
import { clusterFactory, type CreatePoolCluster } from './pool-cluster.ts'
import { poolFactory, type CreatePool } from './pool.ts'

/** What `@rekey/mysql2` puts in the place of the driver's own. */
export interface Functions {
  createConnection: CreateConnection
  createPool: CreatePool
  createPoolCluster: CreatePoolCluster
}

/** The functions of callbacks for a copy of the driver, with credentials for what brings none. */
export function functionsFor(driver: Driver, ownCredentials?: CredentialsCache): Functions {
  const createPool = poolFactory(driver, ownCredentials)
  return {
    createConnection: connectionFactory(driver, ownCredentials),
    createPool,
    createPoolCluster: clusterFactory(driver, createPool, ownCredentials),
  }
}
