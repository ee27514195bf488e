import { redis, valkey, type Login, type PoolUnderDrill } from '@rekey/drill'
import { expect, test } from 'vitest'
import { serverAddress } from '../servers/on-demand.ts'

const max = 6
const signal = AbortSignal.timeout(60_000)

test.each([
  { name: 'redis', start: redis },
  { name: 'valkey', start: valkey },
] as const)(
  '$name: the exclusive connections of rekey leave at a rotation, and the shared one logs in again in place',
  async ({ name, start }) => {
    const { host, port, user, password } = await serverAddress(name)
    const url = `${name}://${user}:${password}@${host}:${port}`
    const target = await start({ url })({ max, signal })
    const [first, second] = target.accounts
    let login: Login = { user: first, password: 'first', version: '1' }
    await target.allow(login)
    let logins = 0
    const pool: PoolUnderDrill = target.openPool('rekey', {
      ...{ max, spread: 0, login },
      load: () => login,
      onLogin: () => void (logins += 1),
      onError: () => {},
    })
    try {
      await fill(pool)
      const before = await target.sessionAccounts()
      expect(before.size).toBe(max - 1)
      expect(logins).toBe(max - 1)
      login = { user: second, password: 'second', version: '2' }
      await target.allow(login)
      await pool.rotate()
      const after = await target.sessionAccounts()
      expect([...after.values()]).toEqual(Array.from(after, () => second))
      expect([...after.keys()].filter((session) => before.has(session))).toHaveLength(1)
      await fill(pool)
      expect((await target.sessionAccounts()).size).toBe(max - 1)
    } finally {
      await pool.end()
      await target.close()
    }
  },
)

/** Has as many callers hold a connection at once as there are connections for one caller at a time. */
async function fill({ units }: PoolUnderDrill): Promise<void> {
  await Promise.all([
    units.query(),
    ...Array.from({ length: max - 3 }, () => units.hold(100, () => {})),
  ])
}
