/** One process of a server, as its clients see it. */
export interface NodeAddress {
  readonly host: string
  readonly port: number
  /** Where it speaks TLS: another port for Redis and Valkey, the same for all others. */
  readonly tlsPort: number
  /** The path of its unix socket, where it runs natively and has one. */
  readonly socket?: string
  /** A container's id, or the process that all others of the server descend from. */
  readonly runsAs: { readonly container: string } | { readonly pid: number }
}

/** A server that was started for the tests, and how to reach it. Plain data: it travels to the test workers. */
export interface ServerAddress extends NodeAddress {
  /** An account that may do everything. */
  readonly user: string
  readonly password: string
  /** The authority that vouches for its certificate, as PEM; empty where it has no TLS. */
  readonly ca: string
  /** The file that its log goes to. */
  readonly log: string
  /** The other nodes of a group. */
  readonly others: readonly NodeAddress[]
}

/** A server that runs. Whoever started it stops it; it is also gone when its starter is. */
export interface RunningServer extends ServerAddress {
  readonly stop: () => Promise<void>
}

/** A user and a password as the server knows them. */
export interface Account {
  readonly user: string
  readonly password: string
}

/** An open session, as the server sees it. */
export interface Session {
  /** What the server calls it: a process id, a connection id. */
  readonly id: number
  readonly user: string
  /** The node's port, in a group: an id is its node's own. */
  readonly port?: number
}

/** A login that the server turned away, by the server's own word. */
export interface RefusedLogin {
  readonly user: string
  /** The server's own code. */
  readonly code: string
  /** Wrong credentials, or too many sessions. */
  readonly reason: 'credentials' | 'ceiling' | 'other'
}

/** What the tests ask of a real server, whichever it is. */
export interface Server<P extends Place = Place> extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /**
   * A place apart from all other tests. `sessions` is the ceiling that the server itself enforces. Redis and Valkey know none
   * for a user: there nothing but the peak of a proxy tells how many there were.
   */
  createPlace(options: { sessions: number }): Promise<P>
  /** Freezes it: its sockets stay open, and nobody answers, until the pause is disposed of. For a server of the test's own. */
  pause(): Promise<AsyncDisposable>
}

/** A test's own corner of a server: its database, its accounts and their sessions. */
export interface Place extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** In Redis and Valkey what all names of its keys and channels begin with. */
  readonly database: string
  /** An account that may log in here. */
  createAccount(): Promise<Account>
  /** Gives the account a new password. The one before stops at once for new logins; open sessions live on. */
  rotate(account: Account): Promise<Account>
  /** The same with a password of the caller's choice. */
  setPassword(account: Account): Promise<void>
  /** No login with this account any more; open sessions live on. */
  revoke(account: Account): Promise<void>
  /** The accounts' open sessions. */
  sessions(user?: string): Promise<Session[]>
  /** Ends a session the hard way. */
  kill(session: Session): Promise<void>
  /** The logins with the accounts that the server has turned away so far. */
  refusedLogins(): Promise<RefusedLogin[]>
}

/** What a server can that lets an account have two passwords at once. */
export interface DualPasswords {
  /** Gives the account a second, new password. The one that it has goes on working; one that it had before that does not. */
  retain(account: Account): Promise<Account>
  /** From now on nothing but the account's password as it is given works. */
  discard(account: Account): Promise<void>
}
