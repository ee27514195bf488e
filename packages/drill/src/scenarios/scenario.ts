import type { Load } from '../load.ts'
import type { Pace } from '../pace.ts'
import type { Pressure } from '../pressure.ts'
import type { Topology } from '../servers/server.ts'
import type { Store } from '../store.ts'
import type { Database, Login, StockRecipe, Timings } from '../targets/target.ts'

/**
 * Whose password the next one is: `two-accounts` take turns; `two-passwords` of one account log in until the older one is
 * discarded; of `one-password` the older one stops at once.
 */
type Succession = 'two-accounts' | 'two-passwords' | 'one-password'

export type ScenarioName =
  | 'alternating-users'
  | 'dual-password'
  | 'password-only'
  | 'store-ahead'
  | 'store-behind'
  | 'store-down'
  | 'store-hangs'
  | 'bad-candidate'
  | 'pile-up'
  | 'leak'
  | 'long-transactions'
  | 'saturated'
  | 'idle'
  | 'slow-close'
  | 'failover'
  | 'revoke-early'

/** One situation in which credentials change. */
export interface Scenario {
  readonly name: ScenarioName
  /** What happens in it, in one sentence. */
  readonly sentence: string
  /** What has to be known about its result. */
  readonly remark?: string
  /** Why some databases have no such thing. */
  readonly missing?: Readonly<Partial<Record<Database, string>>>
  /** Why a Cluster has no such thing. */
  readonly missingInCluster?: string
  /** Default: `two-accounts`. */
  readonly succession?: Succession
  /** Whether the pool may learn of another password of the user that it has logged in as. Default: false. */
  readonly passwordAlone?: boolean
  /** What rekey's cache and pool are told, beside what the drill tells them always. */
  readonly timings?: Timings
  /** What the stock pool does, where that shows its failure and the usual would not, or would not for sure. */
  readonly recipe?: StockRecipe | Readonly<Partial<Record<Topology, StockRecipe>>>
  /**
   * What goes on during the rotations: requests at a fixed rate, with a transaction and a stream that span each of them;
   * the requests alone; or nothing. Default: `spanning`.
   */
  readonly traffic?: 'spanning' | 'requests' | 'none'
  /** `slow` ones reach the server so late that the pool's connections close one after the other in twice the spread. Default: `prompt`. */
  readonly goodbyes?: 'prompt' | 'slow'
  /** Whether it does to the server what can only be done to one that the drill has started. Default: false. */
  readonly ownServer?: boolean
  /** One rotation: from new credentials until the pool says that it is drained. */
  readonly rotate: (act: Act) => Promise<void>
}

/** What a scenario can do in one rotation. */
export interface Act {
  /** 1 is the first. */
  readonly rotation: number
  /** What the pool logs in with when the rotation begins. */
  readonly old: Login
  readonly store: Store
  readonly load: Load
  readonly pressure: Pressure
  readonly pace: Pace
  /** Credentials that neither the database nor the store knows yet: those that come after what the store hands out. */
  next(): Login
  /** The database lets them log in from now on. */
  allow(login: Login): Promise<void>
  /** The store hands them out from now on. */
  publish(login: Login): Promise<void>
  /**
   * Has the pool take up what the store hands out, and waits until it says that it is drained, or until `drainLimit` is over.
   * Says whether it did.
   */
  takeUp(how?: { readonly urgent?: boolean }): Promise<boolean>
  /** The database refuses an account's logins from now on; its open sessions live on. */
  refuse(login: Login): Promise<void>
  /** Ends the open sessions of an account that nobody holds: the load has to be paused. */
  disconnect(login: Login): Promise<void>
  /** Locks an account and ends its sessions, under way or not: what they were doing is lost, and is counted as such. */
  cutOff(login: Login): Promise<void>
  /**
   * Takes the server away until it is back, or until another one stands in its place: what was under way, or came
   * meanwhile, is lost, and is counted as such.
   */
  failOver(): Promise<void>
}
