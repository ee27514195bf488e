import type { Address, ServerRequest } from '../server.ts'

/** One process of a group, before it runs. The settings name its ports, which are the same for it and for the clients. */
export interface Member {
  readonly sentinel: boolean
  readonly settings: Readonly<Record<string, string>>
}

/** Redis in company: which processes, and what makes a group of them. The same wherever they run. */
export interface Group {
  plan(request: ServerRequest): Promise<readonly Member[]>
  /** The nodes are in the order of the plan. */
  form(nodes: readonly Address[], request: ServerRequest): Promise<void>
}
