import { countByAccount } from './targets/count-by-account.ts'
import type { PoolUnderDrill, Target } from './targets/target.ts'

/** What tells the generations of a run apart. */
export interface GenerationContext {
  readonly target: Pick<Target, 'sessions' | 'sessionAccounts' | 'renews'>
  readonly pool: Pick<PoolUnderDrill, 'versions'>
  /** Whether an account may come back with another password while its sessions are open. */
  readonly passwordAlone: boolean
  /** The rotation that brought the newest credentials of an account. */
  readonly newestOf: (account: string) => number
  /** The rotation that brought a version. */
  readonly rotationOf: (version: string) => number
}

/**
 * Counts the sessions at the server by generation: the number of the rotation that it came with, 0 for the one that the drill
 * began with.
 */
export class Generations {
  readonly #context: GenerationContext
  #counts: ReadonlyMap<number, number> = new Map()
  /** The generation of each session that was open at the last look, where an account does not tell. */
  #known: ReadonlyMap<string, number> = new Map()

  constructor(context: GenerationContext) {
    this.#context = context
  }

  /** The sessions of each generation, at the last look. */
  get generations(): ReadonlyMap<number, number> {
    return this.#counts
  }

  /** Looks at the server, and says how many sessions each account has. */
  async sessions(): Promise<ReadonlyMap<string, number>> {
    const { target, passwordAlone, newestOf } = this.#context
    if (!passwordAlone) {
      const counts = await target.sessions()
      this.#counts = sum([...counts].map(([account, count]) => [newestOf(account), count]))
      return counts
    }
    const sessions = await target.sessionAccounts()
    // It is of the generation that was the newest when it was first seen.
    this.#known = new Map(
      [...sessions].map(([session, account]) => [
        session,
        this.#known.get(session) ?? newestOf(account),
      ]),
    )
    this.#counts = this.#asThePoolSays() ?? sum([...this.#known.values()].map((one) => [one, 1]))
    return countByAccount(sessions)
  }

  /** Where a session may log in anew the server does not say with which password it has. */
  #asThePoolSays(): ReadonlyMap<number, number> | undefined {
    const { target, pool, rotationOf } = this.#context
    const versions = target.renews ? pool.versions?.() : undefined
    return versions && sum([...versions].map(([version, count]) => [rotationOf(version), count]))
  }
}

function sum(
  counts: readonly (readonly [generation: number, count: number])[],
): Map<number, number> {
  const all = new Map<number, number>()
  for (const [generation, count] of counts) all.set(generation, (all.get(generation) ?? 0) + count)
  return all
}
