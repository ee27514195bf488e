import { topologies, type Topology } from '../servers/server.ts'
import type { Database } from '../targets/target.ts'
import { alternatingUsers } from './alternating-users.ts'
import { badCandidate } from './bad-candidate.ts'
import { dualPassword } from './dual-password.ts'
import { failover } from './failover.ts'
import { idle } from './idle.ts'
import { leak } from './leak.ts'
import { longTransactions } from './long-transactions.ts'
import { passwordOnly } from './password-only.ts'
import { pileUp } from './pile-up.ts'
import { revokeEarly } from './revoke-early.ts'
import { saturated } from './saturated.ts'
import type { Scenario, ScenarioName } from './scenario.ts'
import { slowClose } from './slow-close.ts'
import { storeAhead } from './store-ahead.ts'
import { storeBehind } from './store-behind.ts'
import { storeDown, storeHangs } from './store-faults.ts'

/** The scenarios that the drill knows. */
export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  'alternating-users': alternatingUsers,
  'dual-password': dualPassword,
  'password-only': passwordOnly,
  'store-ahead': storeAhead,
  'store-behind': storeBehind,
  'store-down': storeDown,
  'store-hangs': storeHangs,
  'bad-candidate': badCandidate,
  'pile-up': pileUp,
  leak,
  'long-transactions': longTransactions,
  saturated,
  idle,
  'slow-close': slowClose,
  failover,
  'revoke-early': revokeEarly,
}

/** Why some scenarios are not for a server of somebody else. */
export const ownServerOnly =
  'it kills the server, and that is done only to one that the drill has started itself'

/** Why some are for a server that is alone. */
export const oneServerOnly = 'the drill stands between a pool and one server'

/** Why there is no such scenario where the server is set up so; `undefined` where there is. */
export function missingIn(
  topology: Topology,
  { goodbyes, missingInCluster }: Scenario,
): string | undefined {
  if (goodbyes === 'slow' && topology !== 'single') return oneServerOnly
  return topology === 'cluster' ? missingInCluster : undefined
}

/** The topologies in which there is no such scenario, by the reason. */
export function missingTopologies(scenario: Scenario): ReadonlyMap<string, readonly Topology[]> {
  const missing = new Map<string, Topology[]>()
  for (const topology of topologies) {
    const why = missingIn(topology, scenario)
    if (why !== undefined) missing.set(why, [...(missing.get(why) ?? []), topology])
  }
  return missing
}

export const scenarioNames: readonly ScenarioName[] = Object.keys(scenarios) as ScenarioName[]

export function isScenario(name: string): name is ScenarioName {
  return Object.hasOwn(scenarios, name)
}

/** Those that make sense on a database; `isOwn`: whether the drill has started its server. */
export function scenariosOf(
  database: Database,
  { isOwn, topology = 'single' }: { readonly isOwn: boolean; readonly topology?: Topology },
): ScenarioName[] {
  return scenarioNames.filter((name) => {
    const { missing, ownServer = false } = scenarios[name]
    const isThere = missing?.[database] === undefined && (isOwn || !ownServer)
    return isThere && missingIn(topology, scenarios[name]) === undefined
  })
}
