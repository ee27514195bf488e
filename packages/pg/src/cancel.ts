import type pg from 'pg'
import type { ClientInternals, PoolInternals } from './driver.ts'

/** Asks the server to cancel what a connection is doing, over a connection of its own that never logs in. */
export function cancelQuery(pool: PoolInternals, client: pg.Client): void {
  const { processID, secretKey, host, port, ssl } = client as unknown as ClientInternals
  if (processID === null || secretKey === null) return
  const { connection } = new pool.Client({ ...pool.options }) as unknown as ClientInternals
  const send = (): void => connection.cancel(processID, secretKey)
  connection.on('error', () => {})
  connection.on('sslconnect', send)
  connection.on('connect', () => (ssl ? connection.requestSsl() : send()))
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else connection.connect(port, host)
}
