import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from './admins.ts'

/** Longer than the slowest machine needs, in milliseconds. */
const patience = 60_000

/** Milliseconds between two looks at a node: what is waited for takes seconds, and each look is work for a node. */
const interval = 20

/** Waits until something is so on every node. @throws if it never is. */
export async function everywhere(
  what: string,
  admins: readonly Admin[],
  look: (admin: Admin) => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + patience
  await Promise.all(
    admins.map(async (admin) => {
      while (!(await look(admin))) {
        if (performance.now() > deadline) throw new Error(`Waited ${patience} ms for ${what}.`)
        await sleep(interval)
      }
    }),
  )
}
