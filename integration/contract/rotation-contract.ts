import type { Adapter } from './adapter.ts'
import { ending } from './ending.ts'
import { faults } from './faults.ts'
import { loggingIn } from './logging-in.ts'
import { replacing } from './replacing.ts'

/**
 * The rotation contract, R1 to R13 and R15, against a real server: what every adapter keeps to, said once. (R14, to be
 * like the driver, is each driver's own.)
 */
export function rotationContract<Connection>(adapter: Adapter<Connection>): void {
  loggingIn(adapter)
  replacing(adapter)
  ending(adapter)
  faults(adapter)
}
