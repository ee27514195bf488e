import { mariadb, mysql, postgres, redis, valkey } from '@rekey/drill'
import { serverAddress } from '../servers/on-demand.ts'

export const targets = { postgres, mysql, mariadb, redis, valkey }

export type Name = keyof typeof targets

/** That of the server which all tests of the run share. */
export async function urlOf(name: Name): Promise<string> {
  const { host, port, user, password } = await serverAddress(name)
  return `${name}://${user}:${password}@${host}:${port}/${name === 'postgres' ? 'postgres' : ''}`
}
