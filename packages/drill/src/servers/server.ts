/** The servers that can be started as processes of this machine. */
export type ServerKind = 'postgres' | 'mysql' | 'mariadb' | 'redis' | 'valkey'

/** The two of them that can be more than one server. */
export type RedisKind = Extract<ServerKind, 'redis' | 'valkey'>

/**
 * One server alone; a primary with two replicas, and three sentinels that watch them; or a Cluster of three primaries with a
 * replica each.
 */
export const topologies = ['single', 'sentinel', 'cluster'] as const
export type Topology = (typeof topologies)[number]

export function isTopology(name: string): name is Topology {
  return topologies.some((topology) => topology === name)
}

/** Why there is no other topology for a server of somebody else. */
export const ownGroupOnly = 'it is how the drill sets up its own servers, and there is a URL'

/** Where somebody listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** One process of a server, as its clients see it. */
export interface ServerNode extends Address {
  /** Where it speaks TLS: another port for Redis and Valkey, the same for all others. */
  readonly tlsPort: number
  /** The path of its unix socket. */
  readonly socket: string
  /** The process that all others of the server descend from. */
  readonly runsAs: { readonly pid: number }
}

/** A server's certificate for localhost with its key, and the authority that vouches for it. All PEM. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** What a server is started with. */
export interface ServerRequest {
  /** The password of the account that may do everything. */
  readonly password: string
  /** Without them the server has no TLS. */
  readonly certificates?: Certificates | undefined
  /** The server's own settings beyond its defaults. */
  readonly settings: Readonly<Record<string, string>>
}

/** What a server is started in. */
export interface Life {
  /** A folder of its own, which goes when it does. */
  readonly folder: string
  /** What has to be done then, also where its start failed half-way; the last comes first. */
  onEnd(work: () => Promise<void>): void
  /** A process of the server's, for one that kills it or starts it again. */
  readonly runs: (process: Restartable) => void
}

/** A process that can be started again, with what it has stored, at the same place. */
export interface Restartable {
  kill(): Promise<void>
  start(): Promise<unknown>
}

/** The file in the folder of its life that a server's log goes to. */
export const logName = 'server.log'

/** The account that may do everything. */
export function adminOf(kind: ServerKind): string {
  if (kind === 'postgres') return 'postgres'
  return kind === 'mysql' || kind === 'mariadb' ? 'root' : 'default'
}
