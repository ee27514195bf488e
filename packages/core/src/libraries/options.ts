import { RekeyError } from '../errors.ts'
import { kindOf } from '../options.ts'

/** The databases of one adapter, by the names that a library has for them. */
export interface Dialects {
  readonly adapter: string
  readonly database: string
  readonly names: readonly string[]
  /** What to say of others, by how their names begin. */
  readonly elsewhere: Readonly<Record<string, string>>
}

/**
 * Refuses a database that is not the adapter's.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`
 */
export function onlyDialects(
  option: string,
  value: unknown,
  { adapter, database, names, elsewhere }: Dialects,
): void {
  if (typeof value === 'string' && names.includes(value)) return
  const given = typeof value === 'string' ? `'${value}'` : kindOf(value)
  const allowed = names.map((name) => `'${name}'`).join(', ')
  const begins = Object.keys(elsewhere).find((name) => String(value).startsWith(name))
  const remedy = begins === undefined ? '' : ` ${elsewhere[begins]}`
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    `${option} is ${given}, and ${adapter} rotates ${database} alone (${allowed}).${remedy}`,
    { option, given, allowed },
  )
}

/**
 * Refuses what is no options at all, such as none.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`
 */
export function onlyObject(option: string, value: unknown, example: string): void {
  if (typeof value === 'object' && value !== null) return
  // Not shown: a URL in the wrong place may hold a password.
  const given = kindOf(value)
  const allowed = `an object such as ${example}`
  throw new RekeyError('ERR_REKEY_OPTION', `${option} is ${given}; it must be ${allowed}.`, {
    option,
    given,
    allowed,
  })
}

/**
 * Refuses a least number of connections: in a quiet pool they would stay, with whatever credentials they have.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`
 */
export function noMinimum(pool: { min?: number } | undefined): void {
  if (!pool?.min) return
  const given = String(pool.min)
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    `pool.min is ${given}: that many idle connections would keep their old credentials. Leave it out.`,
    { option: 'pool.min', given, allowed: '0' },
  )
}
