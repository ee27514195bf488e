import type { ConnectionInternals, Driver } from './driver.ts'
import { copyOf } from './login-config.ts'

/**
 * Asks the server to cancel what a connection is doing, over a session of its own that logs in with what that
 * connection has logged in with: an account may stop its own statements, and no others.
 */
export function cancelQuery(driver: Driver, { config, threadId }: ConnectionInternals): void {
  if (threadId === null) return
  const canceller = new driver.Connection({ config: copyOf(config) })
  canceller.on('error', () => {})
  canceller.query('KILL QUERY ?', [threadId], () => canceller.destroy())
}
