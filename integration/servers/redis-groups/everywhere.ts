import { until } from '../../until.ts'
import type { Admin } from './admins.ts'

/** Waits until something is so on every node. */
export async function everywhere(
  what: string,
  admins: readonly Admin[],
  look: (admin: Admin) => Promise<boolean>,
): Promise<void> {
  await Promise.all(admins.map((admin) => until(what, () => look(admin), 30_000)))
}
