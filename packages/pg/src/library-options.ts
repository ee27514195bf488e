import { RekeyError } from '@rekey/core'

/**
 * Refuses a database that is not PostgreSQL.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`
 */
export function onlyDialects(option: string, value: unknown, dialects: readonly string[]): void {
  if (typeof value === 'string' && dialects.includes(value)) return
  const given = typeof value === 'string' ? `'${value}'` : `a ${typeof value}`
  const allowed = dialects.map((dialect) => `'${dialect}'`).join(', ')
  const elsewhere = String(value).startsWith('mysql') ? ' For MySQL there is @rekey/mysql2.' : ''
  throw new RekeyError(
    'ERR_REKEY_OPTION',
    `${option} is ${given}, and @rekey/pg rotates PostgreSQL alone (${allowed}).${elsewhere}`,
    { option, given, allowed },
  )
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
