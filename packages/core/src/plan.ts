/** What a connection does. `connecting` and `closing` hold a slot at the server, like the other two. */
export type ConnectionState = 'connecting' | 'idle' | 'lent' | 'closing'

/** A connection as the plan sees it. The generation is unknown until it has read its credentials. */
export interface PlannedConnection<Connection> {
  readonly connection: Connection
  readonly generation: number | undefined
  readonly state: ConnectionState
}

/** Why a connection is opened that no caller has asked for. */
export type OpenPurpose =
  /** To prove a candidate. */
  | 'probe'
  /** To stand in for an old connection. */
  | 'replacement'

/** Everything that a decision depends on. */
export interface World<Connection> {
  readonly now: number
  /** How many sessions the server may see: `max`, and `surge` on top. */
  readonly ceiling: number
  /** In the order in which idle ones should be given up. */
  readonly connections: readonly PlannedConnection<Connection>[]
  /** The newest generation that is proven: everything older is to be replaced. */
  readonly target: number
  /** Whether logins with the target work at the moment; if not, nothing is replaced. */
  readonly targetWorks: boolean
  /** The newest generation where it is not proven, or no longer, and when it may be tried (again). */
  readonly candidate: { readonly tryAt: number } | undefined
  /** Slots that a rotation has emptied and has to fill again, and when it may. */
  readonly owed: { readonly slots: number; readonly refillAt: number }
  /** Dials of the rotation that are under way. */
  readonly opening: number
  /** How many of those come before their old connection has gone. */
  readonly ahead: number
  /** Replacements that are there before their old connection has gone. */
  readonly credit: number
  /** How many old connections may be replaced at once. */
  readonly atOnce: number
  /** When the next replacement is due. */
  readonly dueAt: number
}

/** What to do now. */
export interface Plan<Connection> {
  readonly open: readonly OpenPurpose[]
  /** Idle connections to close now. */
  readonly retire: readonly Connection[]
  /** Of the retired ones, how many slots are owed a new connection. */
  readonly owes: number
  /** How many connections to close when their holders give them back, and which will do. */
  readonly take: { readonly count: number; readonly which: 'old' | 'any'; readonly owes: boolean }
  /** When to ask again if nothing happens before. */
  readonly lookAgainAt: number | undefined
}

/**
 * The bookkeeping of generations: what to open and what to retire, given what exists. Pure; knows no driver, no clock
 * and no timer.
 *
 * - Room below the ceiling is used first: open, then retire. At the ceiling it is the other way round.
 * - A candidate is tried alone: one connection's slot, never more, until a login has proven it.
 * - Old connections go one by one (`atOnce`), when due, and only while nobody holds them. Where none is idle, the next
 *   one given back is taken.
 */
export function plan<Connection>(world: World<Connection>): Plan<Connection> {
  const { now, connections, candidate } = world
  let room = world.ceiling - connections.length
  const open: OpenPurpose[] = []
  const wakeAt: number[] = []
  const isOld = ({ generation, state }: PlannedConnection<Connection>): boolean =>
    generation !== undefined && generation < world.target && state !== 'closing'
  const old = connections.filter(isOld)
  const idleOld = old.filter(({ state }) => state === 'idle')

  const nothing = { count: 0, which: 'old', owes: false } as const
  const answer = (rest: Partial<Plan<Connection>>): Plan<Connection> => ({
    open,
    retire: [],
    owes: 0,
    take: nothing,
    lookAgainAt: wakeAt.length > 0 ? Math.min(...wakeAt) : undefined,
    ...rest,
  })

  const mayProbe = candidate !== undefined && now >= candidate.tryAt
  if (candidate !== undefined && !mayProbe) wakeAt.push(candidate.tryAt)

  // A slot that a rotation has emptied is filled before anything else is touched.
  if (world.owed.slots > 0 && now < world.owed.refillAt) {
    wakeAt.push(world.owed.refillAt)
    return answer({})
  }
  const alone = world.opening === 0
  for (let slot = 0; slot < world.owed.slots && room > 0; slot += 1, room -= 1) {
    open.push(slot === 0 && alone && mayProbe ? 'probe' : 'replacement')
  }

  // One old connection leaves for each replacement that came first.
  const credit = Math.min(world.credit, old.length)
  const leave = { count: credit, which: 'old', owes: false } as const
  if (credit > 0 && idleOld.length > 0) {
    const leaving = idleOld.slice(0, credit).map(({ connection }) => connection)
    return answer({ retire: leaving, take: { ...leave, count: credit - leaving.length } })
  }

  const underWay = world.owed.slots + world.opening
  if (mayProbe) {
    if (underWay > 0) return answer({ take: leave })
    if (room > 0) return answer({ open: ['probe'], take: leave })
    const [first] = [...idleOld, ...connections.filter(({ state }) => state === 'idle')]
    if (first === undefined) return answer({ take: { count: 1, which: 'any', owes: true } })
    return answer({ retire: [first.connection], owes: 1, take: leave })
  }
  // Those that are left are held, and may be for long: only a newer version goes ahead of them.
  if (credit > 0) return answer({ take: leave })

  const steps = Math.min(world.atOnce - underWay, old.length - world.ahead)
  if (steps <= 0 || !world.targetWorks) return answer({})
  if (now < world.dueAt) {
    wakeAt.push(world.dueAt)
    return answer({})
  }
  if (room > 0) {
    for (let step = 0; step < Math.min(steps, room); step += 1) open.push('replacement')
    return answer({})
  }
  const leaving = idleOld.slice(0, steps).map(({ connection }) => connection)
  return answer({
    retire: leaving,
    owes: leaving.length,
    take: { count: steps - leaving.length, which: 'old', owes: true },
  })
}
