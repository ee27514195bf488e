import type { CredentialsCache } from './cache.ts'
import type { Timer } from './clock.ts'
import { sameLogin, type Credentials } from './credentials.ts'
import { publish, report } from './diagnostics.ts'
import { Login, type LoginEngine, type LoginPurpose, type Refusal } from './login.ts'
import { count } from './options.ts'
import { loginBackoff, type Backoff } from './schedule.ts'
import { TriedVersion, type Limits } from './tried-version.ts'

export interface LoginsOptions {
  /** The pool's name in diagnostics. */
  pool: string
  /** True where no probe runs beside the callers: then one of them proves a candidate. Default: false. */
  callersProve?: boolean
  /** How a refused version is tried again. Default: {@link loginBackoff}. */
  backoff?: Backoff
  /**
   * How often at most, before there is another one. Default: without end. No more logins than could still be refused are
   * under way with one version.
   */
  maxRefusals?: number | undefined
  /** Called when a version is proven: for the first time, or again after it was refused. */
  onProven?: (credentials: Credentials) => void
  /** Called when a try ended without proof: refused, or failed for another reason. */
  onUnproven?: () => void
}

/**
 * Decides which credentials the next login of one pool uses, so that a rotation costs the server at most one failed
 * login per version and backoff step, whatever the load:
 *
 * | newest version | last one that worked | a caller's login uses |
 * |---|---|---|
 * | proven | any | the newest |
 * | not proven yet | works | the last one that worked; a probe proves the newest beside it |
 * | not proven yet | none, or refused | the newest, one login at a time until one succeeds |
 * | refused | works | the last one that worked |
 * | refused | none | the one before it, where the store told it |
 * | refused | none, or refused | waits: for a new version, or for the backoff, up to the login deadline |
 *
 * Logins with a version that works may be under way together while the last accepted one is not older than
 * `proofLasts`. Later one goes ahead, and the others wait for it: until it was accepted, and no longer than that
 * time again. So where a version that has worked stops, the step that finds it out costs one failed login, and more only
 * where logins were under way together: begun within that time after an accepted one, or each that time after the one
 * before, where the server takes longer to answer. With `maxRefusals` it is never more than that.
 */
export class Logins {
  readonly #cache: CredentialsCache
  readonly #options: LoginsOptions
  readonly #limits: Limits
  /**
   * The newest first; behind it those that have worked. Beside them some that serve nobody: where the first login is
   * still under way, or where the next one has to wait, should the version come back.
   */
  #versions: TriedVersion[] = []
  readonly #waiting = new Set<Login>()
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined
  #closed = false

  /** @throws {RekeyError} `ERR_REKEY_OPTION` for `maxRefusals` that are no whole number of 1 or more. */
  constructor(cache: CredentialsCache, options: LoginsOptions) {
    const { backoff = loginBackoff, maxRefusals } = options
    this.#cache = cache
    this.#options = options
    this.#limits = {
      lapsesAfter: cache.timings.loginDeadline,
      backoff,
      maxRefusals:
        maxRefusals === undefined ? Infinity : count('rotation.maxRefusals', maxRefusals, 1),
      random: cache.random,
    }
  }

  /** One login: of one connection, from its first try to success or failure. */
  start(purpose: LoginPurpose): Login {
    return new Login(this.#cache, this.#engine, purpose)
  }

  /** Takes up a new version as the candidate. */
  adopt(credentials: Credentials): void {
    const [newest] = this.#versions
    if (newest?.credentials.version === credentials.version) {
      const same = sameLogin(newest.credentials, credentials)
      newest.credentials = credentials
      // A renewed token is tried when the one before it would have been: a server that refuses both is not asked in haste.
      if (same || credentials.checkedAtLogin) return
      // What was known of this version was known of a torn pair.
      newest.standing = { is: 'unproven' }
      return this.#wake()
    }
    const known = this.#find(credentials.version)
    const again = known !== undefined && sameLogin(known.credentials, credentials)
    const now = this.#cache.clock.now()
    const others = this.#versions.filter(
      (other) => other !== known && (other.hasWorked || other.isPending(now)),
    )
    this.#versions = [again ? known : this.#untried(credentials), ...others]
    const { previous } = credentials
    if (previous && !this.#find(previous.version)) this.#versions.push(this.#untried(previous))
    this.#wake()
  }

  /** Forgets a version whose last connection is closed: it may be revoked from now on. */
  forget(version: string): void {
    const known = this.#find(version)
    if (known === undefined || known === this.#versions[0]) return
    known.hasWorked = false
    if (known.isPending(this.#cache.clock.now())) return
    this.#versions = this.#versions.filter((other) => other !== known)
  }

  /** Whether any login has succeeded yet. */
  get haveWorked(): boolean {
    return this.#versions.some((known) => known.hasWorked)
  }

  /** Whether this version was accepted the last time that it was tried. */
  works(version: string): boolean {
    return this.#find(version)?.standing.is === 'proven'
  }

  /** When the newest version may be probed: now (0) or later; `undefined` where it needs no proof, or cannot get one. */
  probeAt(): number | undefined {
    return this.#versions[0]?.probeAt
  }

  /** Nobody new will come: who waits for a refused version to be accepted waits no longer. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  /** Somebody comes after all. */
  reopen(): void {
    this.#closed = false
  }

  #untried(credentials: Credentials): TriedVersion {
    return new TriedVersion(credentials, this.#limits)
  }

  #find(version: string): TriedVersion | undefined {
    return this.#versions.find((known) => known.credentials.version === version)
  }

  readonly #engine: LoginEngine = {
    seek: (login) => {
      const credentials = this.#cache.fresh()
      if (credentials === undefined) return this.#loadFirst(login)
      this.adopt(credentials)
      this.#seek(login)
    },
    leave: (login) => void this.#leave(login),
    accepted: ({ version }, login) => {
      const known = this.#find(version)
      if (known === undefined) return
      if (!known.accepted(login, this.#cache.clock.now())) return this.#wake()
      const first = !known.hasWorked
      known.hasWorked = true
      if (first) publish('rekey:verified', { pool: this.#options.pool, version })
      this.#options.onProven?.(known.credentials)
      this.#wake()
    },
    refused: ({ version }, login, error, refusal) => {
      const known = this.#find(version)
      if (known === undefined) return
      this.#refused(known, login, error, refusal)
      this.#wake()
    },
    failed: ({ version }, login) => {
      const known = this.#find(version)
      if (known === undefined) return
      if (known.failed(login)) this.#options.onUnproven?.()
      this.#wake()
    },
  }

  #refused(known: TriedVersion, login: Login, error: unknown, refusal: Refusal): void {
    const retryIn = known.refused(login, this.#cache.clock.now(), error, refusal === 'locked')
    if (retryIn === undefined) return
    const { version } = known.credentials
    this.#cache.invalidate(version)
    const message = { pool: this.#options.pool, version, error, refusals: known.steps, retryIn }
    if (known.steps > 1) publish('rekey:candidate-refused', message)
    else {
      report(
        'rekey:candidate-refused',
        message,
        `${this.#options.pool}: the server refused a login with version ${version}. ${String(error)}`,
      )
    }
    this.#options.onUnproven?.()
  }

  #loadFirst(login: Login): void {
    this.#cache.get().then(
      (credentials) => {
        if (login.ended) return
        this.adopt(credentials)
        this.#seek(login)
      },
      (error: unknown) => {
        if (!login.ended) login.giveUp(error)
      },
    )
  }

  /** Gives the login its turn, lets it wait, or gives it up. */
  #seek(login: Login): void {
    const now = this.#cache.clock.now()
    const choice = this.#choose(login, now)
    if (choice.is === 'turn') {
      choice.version.begin(login, now)
      this.#leave(login)
      return login.turn(choice.version.credentials)
    }
    const refused = choice.error !== undefined || login.lastError !== undefined
    if (refused) login.blockedSince ??= now
    // While somebody else tries a version, its answer is worth the wait.
    const deadline =
      refused && login.blockedSince !== undefined
        ? login.blockedSince + this.#cache.timings.loginDeadline
        : Infinity
    const hopeless = this.#closed || choice.is === 'never' || login.purpose === 'probe'
    if (refused && (hopeless || now >= deadline)) {
      this.#leave(login)
      return login.giveUp(login.lastError ?? choice.error)
    }
    login.lookAgainAt = Math.min(deadline, choice.at)
    this.#wait(login)
  }

  #choose(
    login: Login,
    now: number,
  ): { is: 'turn'; version: TriedVersion } | { is: 'later' | 'never'; at: number; error: unknown } {
    let at = Infinity
    let error: unknown
    let hope = false
    for (const version of this.#order(login)) {
      const { standing, turnAt } = version
      if (now >= turnAt) return { is: 'turn', version }
      at = Math.min(at, turnAt)
      if (standing.is === 'refused') {
        hope ||= standing.retryAt < Infinity
        error ??= standing.error
        continue
      }
      hope = true
      // Nobody goes back to an older version while one that works is shown to work.
      if (standing.is === 'proven') break
    }
    return { is: hope ? 'later' : 'never', at, error }
  }

  #order(login: Login): TriedVersion[] {
    const [newest, ...others] = this.#versions
    if (newest === undefined) return []
    const standIn = newest.standing.is === 'refused' ? newest.credentials.previous : undefined
    const older = others.filter(
      (known) => known.hasWorked || known.credentials.version === standIn?.version,
    )
    if (login.purpose === 'probe') return [newest]
    const first = newest.standing.is === 'proven' || this.#options.callersProve === true
    // A caller does not pay for a try: what works comes before what is not proven.
    return first ? [newest, ...older] : [...older, newest]
  }

  #wait(login: Login): void {
    this.#waiting.add(login)
    this.#unsubscribe ??= this.#cache.subscribe(({ credentials }) => this.adopt(credentials))
    this.#setTimer()
  }

  #leave(login: Login): Login {
    this.#waiting.delete(login)
    if (this.#waiting.size === 0) {
      this.#unsubscribe?.()
      this.#unsubscribe = undefined
      this.#timer?.cancel()
      this.#timer = undefined
    }
    return login
  }

  #wake(): void {
    for (const login of [...this.#waiting]) {
      if (this.#waiting.has(login)) this.#seek(login)
    }
  }

  #setTimer(): void {
    let at = Infinity
    let keepAlive = false
    for (const login of this.#waiting) {
      at = Math.min(at, login.lookAgainAt)
      keepAlive ||= login.purpose === 'caller'
    }
    this.#timer?.cancel()
    this.#timer = undefined
    if (at === Infinity) return
    const delay = at - this.#cache.clock.now()
    this.#timer = this.#cache.clock.after(delay, () => this.#wake(), { keepAlive })
  }
}
