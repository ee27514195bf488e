// Checked by the compiler alone: `tsc -b` fails where a line of this is wrong.

import type {
  CredentialsCache,
  DrainedMessage,
  GenerationCounts,
  RotationOptions,
} from '@rekey/core'
import driver from 'pg'
import rekeyPg, {
  attachRotation,
  Client,
  Pool,
  poolConfig,
  rotatingPg,
  type ClientConfig,
  type PoolConfig,
  type PoolRotation,
  type RekeyPg,
} from '../src/index.ts'
import { knexRotation } from '../src/knex.ts'
import { mikroOrmRotation } from '../src/mikro-orm.ts'
import { sequelizeRotation } from '../src/sequelize.ts'

declare const credentials: CredentialsCache

/** Fails to compile unless it is given `true`. */
type Holds<Claim extends true> = Claim

type IsAny<Type> = 0 extends 1 & Type ? true : false

type Equal<A, B> = [A, B, IsAny<A>] extends [B, A, IsAny<B>] ? true : false

type NotAny<Type> = IsAny<Type> extends true ? false : true

/** Whether no parameter and no result of a function is `any`. */
type Typed<Call extends (...values: never[]) => unknown> = true extends
  | IsAny<Parameters<Call>[number]>
  | IsAny<ReturnType<Call>>
  ? false
  : true

type Assignable<From, To> = [From] extends [To] ? true : false

// Wherever the ecosystem takes the driver's own, it takes ours.

export const pool: driver.Pool = new Pool({ host: 'db.internal', database: 'app', credentials })
export const client: driver.Client = new Client({ database: 'app', credentials })
export const clientBase: driver.ClientBase = new Client({ database: 'app', credentials })
export const classes: Pick<typeof driver, 'Pool' | 'Client'> = { Pool, Client }
export const fromModule: typeof driver = rotatingPg(credentials)
export const fromCopy: typeof driver = rotatingPg(credentials, driver)
export const fromDefault: typeof driver = rekeyPg
export const shim: typeof driver = { ...driver, Pool, Client }

export type OursForTheirs = [
  Holds<Assignable<Pool, driver.Pool>>,
  Holds<Assignable<Client, driver.Client>>,
  Holds<Assignable<typeof Pool, typeof driver.Pool>>,
  Holds<Assignable<typeof Client, typeof driver.Client>>,
  Holds<Assignable<RekeyPg, typeof driver>>,
  // What is written against the driver's options goes on.
  Holds<Assignable<driver.PoolConfig, PoolConfig>>,
  Holds<Assignable<PoolConfig, driver.PoolConfig>>,
  Holds<Assignable<driver.ClientConfig, ClientConfig>>,
  Holds<Assignable<ClientConfig, driver.ClientConfig>>,
]

// As kysely, drizzle, knex and Prisma ask for a pool: by a structure of their own, or by the driver's class.
interface StructuralPool {
  connect(): Promise<{ query(text: string): Promise<{ rows: unknown[] }>; release(): void }>
  end(): Promise<void>
}
export const structural: StructuralPool = new Pool()
export function takesPoolOrConfig(given: driver.Pool | driver.PoolConfig): unknown {
  return given
}
takesPoolOrConfig(new Pool())
takesPoolOrConfig(poolConfig(credentials, { database: 'app' }))
takesPoolOrConfig({ database: 'app', Client: poolConfig(credentials, {}).Client })

// A configuration keeps what else is in it, and becomes the driver's.
export const config: driver.PoolConfig & { extra: 'kept' } = poolConfig(credentials, {
  database: 'app',
  extra: 'kept',
})
export const theirs: driver.Pool = new driver.Pool(config)
export const asPool: driver.Pool = new Pool(config)

export const accepted: unknown[] = [
  new Pool(),
  new Pool({ credentials: undefined, rotation: undefined }),
  new Pool({ credentials, rotation: { atOnce: 2, spread: 1_000, atDrainDeadline: 'cancel' } }),
  new Pool({ credentials }, Client),
  new Pool({ credentials }, driver.Client),
  new Pool({ connectionString: 'postgres://db.internal/app', max: 5, ssl: true, credentials }),
  new Client(),
  new Client('postgres://db.internal/app'),
  new Client({ credentials }),
  attachRotation(new Pool(), credentials),
  // Wherever there is a rotation to set.
  new Pool({ credentials, rotation: { maxRefusals: 2 } }),
  attachRotation(new Pool(), credentials, { maxRefusals: 2 }),
  poolConfig(credentials, { database: 'app' }, { maxRefusals: 2 }),
  knexRotation(credentials, { client: 'pg', connection: {} }, { maxRefusals: 2 }),
  sequelizeRotation(credentials, { dialect: 'postgres' }, { maxRefusals: 2 }),
  mikroOrmRotation(credentials, { dbName: 'app' }, { maxRefusals: 2 }),
]
export const rotation: PoolRotation = attachRotation(theirs, credentials, { atOnce: 2 })

export const refused: unknown[] = [
  // As in the driver:
  // @ts-expect-error -- no such option
  new driver.Pool({ hots: 'db.internal' }),
  // @ts-expect-error -- no such option
  new Pool({ hots: 'db.internal' }),
  // @ts-expect-error -- no such option
  new Client({ datbase: 'app', credentials }),
  // @ts-expect-error -- max is a number
  new Pool({ max: 'many' }),
  // @ts-expect-error -- not a cache
  new Pool({ credentials: { user: 'app', password: 'secret' } }),
  // @ts-expect-error -- not a cache
  new Client({ credentials: 'secret' }),
  // @ts-expect-error -- a client does not rotate
  new Client({ credentials, rotation: {} }),
  // @ts-expect-error -- no such option
  new Pool({ credentials, rotation: { atonce: 1 } }),
  // @ts-expect-error -- no such word
  new Pool({ credentials, rotation: { atDrainDeadline: 'kill' } }),
  // @ts-expect-error -- credentials are required
  rotatingPg(),
  // @ts-expect-error -- not a pool
  attachRotation({}, credentials),
]

// Methods, in every form, have the driver's types.
export async function methods(ours: Pool): Promise<unknown> {
  const lent = await ours.connect()
  lent.release(true)
  ours.connect((error, given, done) => {
    done(error)
    return given satisfies driver.PoolClient | undefined
  })
  const { rows } = await ours.query<{ one: number }>('SELECT 1 AS one')
  ours.query('SELECT $1', [1], (error: Error, result: driver.QueryResult) => [error, result])
  ours.on('connect', (connected) => connected.setTypeParser)
  ours.on('error', (error, broken) => [error.message, broken.host])
  ours.on('drained', (message) => message.version satisfies string)
  ours.once('drained', () => {})
  ours.end(() => {})
  const ended = ours.end()
  type Seen = [
    Holds<Equal<typeof lent, driver.PoolClient>>,
    Holds<Equal<(typeof rows)[number], { one: number }>>,
    Holds<Equal<typeof ended, Promise<void>>>,
  ]
  await ended
  return [true, true, true] satisfies Seen
}

export async function clientMethods(ours: Client): Promise<driver.Client> {
  ours.connect(() => {})
  ours.end(() => {})
  await ours.end()
  return ours.connect()
}

// A subclass is written as of the driver's.
export class MyPool extends Pool {
  constructor() {
    super({ credentials })
  }
  override async end(): Promise<void> {
    await super.end()
  }
}
export class MyClient extends Client {
  hello(): string {
    return this.host
  }
}

// The types of the driver are there by their names in its default export.
export type Names = [
  Holds<Equal<rekeyPg.PoolClient, driver.PoolClient>>,
  Holds<Equal<rekeyPg.Pool, Pool>>,
  Holds<Equal<rekeyPg.Client, Client>>,
  Holds<Equal<rekeyPg.PoolConfig, PoolConfig>>,
  Holds<Equal<rekeyPg.ClientConfig, ClientConfig>>,
  Holds<Equal<rekeyPg.QueryResult<{ one: 1 }>, driver.QueryResult<{ one: 1 }>>>,
  Holds<Equal<rekeyPg.QueryConfig<[1]>, driver.QueryConfig<[1]>>>,
]
export type { DatabaseError, PoolClient, QueryConfig, QueryResult } from '../src/index.ts'

// Nothing that we have added is `any`.
export type Added = [
  Holds<Equal<Pool['generations'], GenerationCounts[]>>,
  Holds<Equal<ReturnType<Pool['drained']>, Promise<void>>>,
  Holds<Equal<PoolRotation['generations'], GenerationCounts[]>>,
  Holds<Equal<ReturnType<PoolRotation['drained']>, Promise<void>>>,
  Holds<Equal<PoolConfig['credentials'], CredentialsCache | undefined>>,
  Holds<Equal<PoolConfig['rotation'], RotationOptions | undefined>>,
  Holds<Equal<ClientConfig['credentials'], CredentialsCache | undefined>>,
  Holds<NotAny<DrainedMessage['version']>>,
  Holds<Typed<typeof attachRotation>>,
  Holds<Typed<typeof rotatingPg>>,
  Holds<Typed<typeof poolConfig>>,
  Holds<Equal<IsAny<ConstructorParameters<typeof Pool>[number]>, false>>,
  Holds<Equal<IsAny<ConstructorParameters<typeof Client>[number]>, false>>,
  Holds<NotAny<(typeof rekeyPg)['Pool']>>,
  Holds<NotAny<(typeof rekeyPg)['Client']>>,
]
