import { RekeyError } from '../errors.ts'
import { invalid } from '../options.ts'
import { onlyDialects, onlyObject, type Dialects } from './options.ts'

/** The login in MikroORM's configuration. */
export interface MikroOrmLogin {
  password?: unknown
  clientUrl?: unknown
}

/** What MikroORM calls with itself: 7 when it is constructed, 6 when it has connected. */
export interface MikroOrmExtension {
  register(orm: {
    readonly config: {
      get(option: keyof MikroOrmLogin): unknown
      getDriver(): { getDependencies(): string[] }
    }
  }): void
}

/** What every adapter reads of MikroORM's options. */
export interface MikroOrmOptions extends Pick<MikroOrmLogin, 'password'> {
  clientUrl?: string
  dbName?: string
  driverOptions?: object
  extensions?: MikroOrmExtension[]
}

/** Options of MikroORM that rotate. */
export type RotatingMikroOrmOptions<Options, Rotation> = Omit<
  Options,
  'driverOptions' | 'extensions'
> & { driverOptions: Rotation; extensions: MikroOrmExtension[] }

/**
 * Refuses what is not MikroORM's options or brings a login of its own, and gives back the `driverOptions`: plain ones, and
 * nobody else's rotation or dialect.
 *
 * @param allowed What these may be.
 */
export function ownDriverOptions(
  options: MikroOrmOptions,
  checkLogin: (login: MikroOrmLogin) => void,
  allowed: string,
): object {
  onlyObject('options', options, '{ host, dbName, entities }')
  checkLogin(options)
  const driverOptions = options.driverOptions ?? {}
  const { connection } = driverOptions as { connection?: unknown }
  const isPlain = Object.getPrototypeOf(driverOptions) === Object.prototype
  if (isPlain && typeof connection !== 'function') return driverOptions
  throw invalid('driverOptions', driverOptions, allowed)
}

/**
 * Puts the rotation into MikroORM's options, with an extension that looks at what MikroORM has made of them: it finds
 * options in the environment, too.
 */
export function rotatingMikroOrmOptions(
  options: { extensions?: MikroOrmExtension[] },
  driverOptions: object,
  dialects: Dialects,
  checkLogin: (login: MikroOrmLogin) => void,
): object {
  const extension: MikroOrmExtension = {
    register({ config }) {
      onlyDialects('driver', config.getDriver().getDependencies().at(-1), dialects)
      checkLogin({ password: config.get('password'), clientUrl: config.get('clientUrl') })
    },
  }
  return { ...options, driverOptions, extensions: [...(options.extensions ?? []), extension] }
}

/** The error for a MikroORM of the version that the options are not for. */
export function otherMikroOrm(given: string, allowed: string): RekeyError {
  return new RekeyError(
    'ERR_REKEY_DRIVER',
    `mikroOrmRotation does not fit ${given}: that takes ${allowed}.`,
    { option: 'mikro-orm', given, allowed },
  )
}
