import { createCredentials, fromFunction, type CredentialsCache } from '@rekey/core'
import * as rekey from '@rekey/pg'
import pg from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'
import { connectPostgres } from '../servers/postgres.ts'
import type { Account, Place, Server } from '../servers/server.ts'
import { until } from '../until.ts'

const variables = ['PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD'] as const

/** The classes under test, and how to give them what they log in with. */
export interface Way {
  readonly name: string
  /** True where credentials come from a cache: then the documented differences hold. */
  readonly rotates: boolean
  readonly Pool: new (options?: pg.PoolConfig, Client?: typeof pg.Client) => pg.Pool
  readonly Client: typeof pg.Client
  /** What is added to every configuration; the rest comes from `PG*` variables. */
  readonly config: object
  pool(options?: pg.PoolConfig): pg.Pool
  client(options?: pg.ClientConfig): pg.Client
}

/** The server of a test file. Its address stands in the `PG*` variables, as the driver's own suites have it. */
export interface Stage {
  readonly place: Place
  readonly account: Account
}

/**
 * Runs the same tests against the driver's classes, against ours without credentials, and against ours with them: what
 * holds for the first has to hold for the others.
 */
export function threeWays(body: (way: Way, stage: Stage) => void): void {
  let server: Server
  let place: Place
  let account: Account
  let credentials: CredentialsCache | undefined
  const before = variables.map((name) => [name, process.env[name]] as const)

  beforeAll(async () => {
    server = await connectPostgres(await serverAddress('postgres'))
    place = await server.createPlace({ sessions: 50 })
    account = await place.createAccount()
    Object.assign(process.env, {
      PGHOST: place.host,
      PGPORT: String(place.port),
      PGDATABASE: place.database,
    })
  })

  afterAll(async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    // The driver's own pool is over before its sockets are.
    await until('the last session to close', async () => (await place.sessions()).length === 0)
    await place[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const stage: Stage = {
    get place() {
      return place
    },
    get account() {
      return account
    },
  }

  const logIn = (): void => {
    Object.assign(process.env, { PGUSER: account.user, PGPASSWORD: account.password })
  }

  for (const [name, module] of [
    ['stock pg', pg],
    ['@rekey/pg without credentials', rekey],
  ] as const) {
    describe(name, () => {
      beforeAll(logIn)
      body(wayOf(name, false, module, {}), stage)
    })
  }

  describe('@rekey/pg with credentials', () => {
    beforeAll(() => {
      // Whatever the environment says must not be used.
      Object.assign(process.env, { PGUSER: 'nobody', PGPASSWORD: 'nothing' })
      credentials = createCredentials(
        fromFunction(() => account),
        { overlap: 3_600_000 },
      )
    })
    afterAll(() => credentials?.close())
    const config = {
      get credentials() {
        return credentials
      },
    }
    body(wayOf('with credentials', true, rekey, config), stage)
  })
}

type Classes = Pick<Way, 'Pool' | 'Client'>

function wayOf(name: string, rotates: boolean, { Pool, Client }: Classes, config: object): Way {
  return {
    name,
    rotates,
    Pool,
    Client,
    config,
    pool: (options) =>
      options === undefined && !rotates ? new Pool() : new Pool({ ...config, ...options }),
    client: (options) =>
      options === undefined && !rotates ? new Client() : new Client({ ...config, ...options }),
  }
}

/** A pool that ends with its block, also where the test failed and has clients of it. */
export function ending(pool: pg.Pool): pg.Pool & AsyncDisposable {
  return Object.assign(pool, {
    [Symbol.asyncDispose]: async () => {
      const { _clients, _idle } = pool as unknown as PoolLists
      const idle = new Set(_idle.map(({ client }) => client))
      for (const client of _clients) if (!idle.has(client)) client.release?.(true)
      if (!pool.ending) await pool.end()
    },
  })
}

interface PoolLists {
  _clients: Partial<pg.PoolClient>[]
  _idle: { client: Partial<pg.PoolClient> }[]
}

/** Calls a function that takes a callback, and gives back all that the callback was called with. */
export function called<Values extends unknown[]>(
  call: (callback: (...values: Values) => void) => unknown,
): Promise<Values> {
  return new Promise((resolve) => {
    call((...values) => resolve(values))
  })
}
