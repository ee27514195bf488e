import { DrillError } from '../../error.ts'
import type { TwoPasswords } from '../target.ts'
import type { Dialect } from './dialect.ts'

/** The first version that has them. */
const since = { mysql: [8, 0, 14], mariadb: [10, 4, 0] } as const

/** Accounts with two passwords, in the way of each of the two servers. */
export function twoPasswords(
  dialect: Dialect,
  ask: (text: string, values: unknown[]) => Promise<unknown>,
): TwoPasswords {
  const isMysql = dialect.database === 'mysql'
  return {
    async add({ user, password }, old) {
      checkVersion(dialect)
      if (isMysql) {
        await ask(`ALTER USER ?@'%' IDENTIFIED BY ? RETAIN CURRENT PASSWORD`, [user, password])
      } else {
        await ask(
          `ALTER USER ?@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD(?)
          OR mysql_native_password USING PASSWORD(?)`,
          [user, password, old.password],
        )
      }
    },
    async discard({ user, password }) {
      if (isMysql) await ask(`ALTER USER ?@'%' DISCARD OLD PASSWORD`, [user])
      else await ask(`ALTER USER ?@'%' IDENTIFIED BY ?`, [user, password])
    },
  }
}

/** @throws {DrillError} */
function checkVersion({ database, server, version }: Dialect): void {
  const first = since[database]
  const differing = first.findIndex((number, index) => version[index] !== number)
  if (differing < 0 || (version[differing] ?? 0) > (first[differing] ?? 0)) return
  throw new DrillError(
    `${server} has no accounts with two passwords, which came with ${first.join('.')}: leave dual-password out.`,
  )
}
