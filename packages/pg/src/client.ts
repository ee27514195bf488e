import { Logins, RekeyError, type CredentialsCache } from '@rekey/core'
import pg from 'pg'
import type { ClientClass, Driver } from './driver.ts'
import { checkConfig, type ClientConfig } from './options.ts'
import { lives, readsCredentials, type BeginLife } from './rotating-client.ts'

/** On a class that was made for one pool: the class that the pool was given. */
const given: unique symbol = Symbol.for('rekey.pg.Client.given')
/** On every class that rotates, of any copy of this package: the driver's own class below it. */
const driverClass: unique symbol = Symbol.for('rekey.pg.Client.driver')
/** The same, of this copy alone. */
const ours: unique symbol = Symbol('rekey.pg.Client')

type MarkedClass = ClientClass & { [given]?: ClientClass; [driverClass]?: ClientClass }

/**
 * The class of one pool's clients: a subclass of what the pool was given, so that `instanceof`, and whatever somebody
 * has put on the given class, stay true.
 */
export function rotatingClient(
  Given: ClientClass,
  enroll: (client: pg.Client, config: ClientConfig) => BeginLife,
): ClientClass {
  // A class that came back to us through a copied configuration belongs to another pool.
  const Own = (Object.hasOwn(Given, given) && (Given as MarkedClass)[given]) || Given
  refuseNative(Own)
  class PoolClient extends rotatingBase(Own) {
    static readonly [given]: ClientClass = Own

    constructor(config?: string | ClientConfig) {
      super(config)
      lives.set(this, enroll(this, optionsOf(config)))
    }
  }
  Object.defineProperty(PoolClient, 'name', { value: Own.name })
  return PoolClient
}

function rotatingBase(Class: MarkedClass): ClientClass {
  if (ours in Class) return Class
  const Driver = Class[driverClass] ?? Class
  return Object.assign(readsCredentials(Driver), { [driverClass]: Driver, [ours]: true })
}

function refuseNative(Class: ClientClass): void {
  // The driver's pool, too, knows the client of libpq by this method. Its sockets are out of reach.
  if (!('isConnected' in Class.prototype)) return
  throw new RekeyError('ERR_REKEY_DRIVER', 'pg-native cannot rotate; use the JavaScript client.', {
    option: 'Client',
    given: 'the client of pg-native',
    allowed: "pg's JavaScript client, or a subclass of it",
  })
}

function optionsOf(config: string | ClientConfig | undefined): ClientConfig {
  return typeof config === 'string' ? { connectionString: config } : (config ?? {})
}

/** The life of a client that belongs to no pool: it logs in on its own. */
export function aloneWith(credentials: CredentialsCache, name: string): BeginLife {
  let logins: Logins | undefined
  return () => ({
    login: (logins ??= new Logins(credentials, { pool: name, callersProve: true })).start('caller'),
    tag: () => {},
    ready: () => {},
    closing: () => {},
    closed: () => {},
  })
}

/** The class that {@link Client} is, for a copy of the driver, with credentials for those that bring none. */
export function clientClass(driver: Driver, ownCredentials?: CredentialsCache): ClientClass {
  return class Client extends rotatingBase(driver.Client) {
    constructor(config?: string | ClientConfig) {
      const options = optionsOf(config)
      const { credentials = ownCredentials } = options
      if (credentials !== undefined) {
        checkConfig(credentials, options)
        refuseNative(driver.Client)
      }
      super(config)
      if (credentials !== undefined) lives.set(this, aloneWith(credentials, 'pg.Client'))
    }
  }
}

const PgClient: ClientClass = clientClass(pg)

/**
 * `pg.Client` that reads its user and password from `credentials` when it connects. Without `credentials` it is the
 * driver's own.
 *
 * @throws {RekeyError} `ERR_REKEY_CONFLICT` for a password beside `credentials`, in the options or in the URL;
 * `ERR_REKEY_OPTION` for `credentials` that are not a cache, and for a missing `database`.
 *
 * @example
 * const client = new Client({ host: 'db.internal', database: 'app', credentials })
 * await client.connect()
 */
export class Client extends PgClient {
  // oxlint-disable-next-line no-useless-constructor -- it declares that `credentials` are taken
  constructor(config?: string | ClientConfig) {
    super(config)
  }
}
