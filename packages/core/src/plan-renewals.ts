import type { PlannedConnection, World } from './plan.ts'

/** What the renewal of connections in place depends on. */
export type RenewalWorld<Connection> = Pick<
  World<Connection>,
  'now' | 'connections' | 'target' | 'targetWorks' | 'candidate' | 'dueAt' | 'atOnce'
> & {
  /** How many others are logging in again. */
  readonly renewing: number
}

/** What to do now where connections go over in place. */
export interface RenewalPlan<Connection> {
  readonly renew: readonly Connection[]
  /** A held one, beside which another login tries the candidate. */
  readonly prove?: Connection
  /** When to ask again if nothing happens before. */
  readonly lookAgainAt: number | undefined
}

/**
 * The same where connections log in again in place, so that no slot is ever emptied: one tries a candidate, and
 * the others follow when it is proven, each when due and while nobody holds it. Where all are held, a login of its own
 * tries it: how long they are held nobody knows, and who holds them at the deadline has to be said.
 */
export function planRenewals<Connection>(world: RenewalWorld<Connection>): RenewalPlan<Connection> {
  const { now, candidate } = world
  const idle = world.connections.filter(({ state }) => state === 'idle')
  const nothing = { renew: [], lookAgainAt: undefined }

  if (candidate !== undefined) {
    if (now < candidate.tryAt) return { renew: [], lookAgainAt: candidate.tryAt }
    if (world.renewing > 0) return nothing
    const held = world.connections.find(({ state }) => state === 'lent')
    if (idle.length > 0 || held === undefined) return renewing(idle.slice(0, 1))
    return { ...nothing, prove: held.connection }
  }
  const old = idle.filter(({ generation }) => generation !== undefined && generation < world.target)
  const steps = Math.min(world.atOnce - world.renewing, old.length)
  if (steps <= 0 || !world.targetWorks) return nothing
  if (now < world.dueAt) return { renew: [], lookAgainAt: world.dueAt }
  return renewing(old.slice(0, steps))
}

function renewing<Connection>(
  connections: readonly PlannedConnection<Connection>[],
): RenewalPlan<Connection> {
  return { renew: connections.map(({ connection }) => connection), lookAgainAt: undefined }
}
