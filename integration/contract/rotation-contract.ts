import type { Adapter } from './adapter.ts'
import { ending } from './ending.ts'
import { faults } from './faults.ts'
import { loggingIn } from './logging-in.ts'
import { goingOn, replacing } from './replacing.ts'

/**
 * The rotation contract, R1 to R13 and R15, against a real server: what every adapter keeps to, said once. (R14, to be
 * like the driver, is each driver's own.)
 */
export function rotationContract<Connection>(adapter: Adapter<Connection>): void {
  loggingIn(adapter)
  goingOn(adapter)
  replacing(adapter)
  ending(adapter)
  faults(adapter)
}

/**
 * R1 and R5 to R8: what depends on how a login goes, and on what the server says to it. For the ways to a server beside the
 * one that the whole contract goes; what comes after the login knows nothing of it.
 */
export function loginContract<Connection>(adapter: Adapter<Connection>): void {
  loggingIn(adapter)
}

/**
 * R1 to R8 where one account has two passwords. Its limit of sessions holds for old and new ones together, and the sessions
 * live on when their password is forgotten. The rest is told by whose the sessions are, and here they are all of one user.
 */
export function oneAccountContract<Connection>(adapter: Adapter<Connection>): void {
  loggingIn(adapter)
  goingOn(adapter)
}
