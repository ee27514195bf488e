import type { CredentialsCache } from '@rekey/core'
import type pg from 'pg'
import type { ClientInternals, PoolInternals } from './driver.ts'

/**
 * Asks the server to cancel what a connection is doing, over a connection of its own that never logs in. Nobody waits for
 * it: neither a caller nor the process. It is given up after the time that a login has.
 */
export function cancelQuery(
  pool: PoolInternals,
  client: pg.Client,
  { clock, timings }: CredentialsCache,
): void {
  const { processID, secretKey, host, port, ssl } = client as unknown as ClientInternals
  if (processID === null || secretKey === null) return
  const { connection } = new pool.Client({ ...pool.options }) as unknown as ClientInternals
  const deadline = clock.after(timings.loginDeadline, () => connection.stream.destroy())
  const send = (): void => connection.cancel(processID, secretKey)
  connection.on('error', () => {})
  connection.on('end', () => deadline.cancel())
  connection.on('sslconnect', send)
  connection.on('connect', () => {
    if (!ssl) send()
    // Else the encryption begins by itself.
    else if (connection.sslNegotiation !== 'direct') connection.requestSsl()
  })
  connection.stream.unref?.()
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else connection.connect(port, host)
}
