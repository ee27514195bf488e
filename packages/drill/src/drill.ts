import { databases } from './databases.ts'
import { DrillError } from './error.ts'
import type { DrillEvent } from './events.ts'
import { defaultPace, limits, type Pace } from './pace.ts'
import type { DrillReport, RunReport } from './report.ts'
import { Run } from './run.ts'
import {
  isScenario,
  missingIn,
  ownServerOnly,
  scenarioNames,
  scenarios,
} from './scenarios/index.ts'
import type { ScenarioName } from './scenarios/scenario.ts'
import type { PoolKind, StartTarget } from './targets/target.ts'
import { bringWorkload, type Workload } from './workload.ts'

/** Options of {@link drill}. */
export interface DrillOptions<Connection = unknown> {
  /** The server and its pools. Default: `postgres()`, an embedded PostgreSQL. */
  target?: StartTarget | undefined
  /** A service of your own in the place of a target: its pool, ours or not, and how it rotates. There is no control beside it. */
  workload?: Workload<Connection> | undefined
  /** What happens in the rotations. Default: `'alternating-users'`. */
  scenario?: ScenarioName | undefined
  /** Default: 10. */
  rotations?: number | undefined
  /** Requests started per second. Default: 400. */
  rate?: number | undefined
  /** The pool's ceiling. Default: 20. */
  max?: number | undefined
  /** Whether the driver's own pool goes through the same drill, which it must fail. Default: true. */
  control?: boolean | undefined
  /**
   * How long a rotation may take, in milliseconds, until the pool says that it is drained. The run ends with the first one
   * that takes longer. Default: 30 seconds.
   */
  drainLimit?: number | undefined
  /** The drill's own times, in milliseconds, for one that shall be shorter or longer than it is. */
  pace?: Partial<Pace> | undefined
  /** Ends the drill early; what it has made is removed. */
  signal?: AbortSignal | undefined
  onEvent?: ((event: DrillEvent) => void) | undefined
}

/** What the options of {@link DrillOptions} are if they are not given. */
export const defaults = { rotations: 10, rate: 400, max: 20 } as const

/**
 * Puts one pool under continuous load and rotates its credentials again and again: a new user and password is
 * published, the pool takes it up, and when it says that it is drained the old account is locked and its sessions are
 * counted and killed. Then the same with the driver's own pool. Resolves with what was found, good or bad:
 * `assertZeroDowntime` judges it.
 *
 * @throws {DrillError} if the drill itself cannot be run. Rejects with the signal's reason if that aborts.
 */
export async function drill<Connection>(
  options: DrillOptions<Connection> = {},
): Promise<DrillReport> {
  const { workload, target: startTarget = databases.postgres.target({}), control = true } = options
  const { signal = new AbortController().signal, onEvent = () => {} } = options
  const { rotations = defaults.rotations, rate = defaults.rate, max = defaults.max } = options
  const { scenario: name = 'alternating-users', drainLimit = limits.drainLimit } = options
  const pace = { ...defaultPace, ...options.pace }
  checkScenario(name)
  if (workload !== undefined && (options.target ?? options.scenario) !== undefined) {
    throw new DrillError(
      'A workload brings its own server and rotation: leave target and scenario out.',
    )
  }
  const own = workload === undefined ? undefined : await bringWorkload(workload)
  const target = own?.target ?? (await startTarget({ max, signal }))
  let report: DrillReport
  try {
    const scenario = own?.scenario ?? scenarios[name]
    const missing =
      missingIn(target.topology ?? 'single', scenario) ??
      (target.database === 'own' ? undefined : scenario.missing?.[target.database])
    if (missing !== undefined) {
      throw new DrillError(`There is no ${name} on ${target.server}: ${missing}.`)
    }
    if (scenario.ownServer && target.failOver === undefined) {
      throw new DrillError(`There is no ${name} on this ${target.server}: ${ownServerOnly}.`)
    }
    onEvent({ type: 'ready', server: target.server })
    const kinds: PoolKind[] = own ? ['own'] : control ? ['rekey', 'stock'] : ['rekey']
    const runs: RunReport[] = []
    for (const kind of kinds) {
      const settings = {
        scenario,
        first: own?.first,
        rotations,
        rate,
        max,
        drainLimit,
        pace,
        signal,
        onEvent,
      }
      runs.push(await Run.of(target, kind, settings))
    }
    const { database, server } = target
    report = { database, server, ...(name !== 'alternating-users' && { scenario: name }), runs }
  } catch (failure) {
    // What was under way at an abort fails in its own way; the caller is told the reason.
    const error: unknown = signal.aborted ? signal.reason : failure
    await target.close().catch((left: Error) => {
      const first = error instanceof Error ? error.message : String(error)
      throw new DrillError(`${first}\n${left.message}`, { cause: error })
    })
    throw error
  }
  await target.close()
  return report
}

/** @throws {DrillError} */
function checkScenario(name: string): void {
  if (isScenario(name)) return
  throw new DrillError(`There is no scenario "${name}"; there are ${scenarioNames.join(', ')}.`)
}
