import { randomBytes } from 'node:crypto'
import { Refusal, type Answer, type Fields } from './question.ts'

/** What a lease stands for. Times in milliseconds. */
export interface Terms {
  readonly duration: number
  /** The token that it was asked for with. */
  readonly token: string
  /** How long it may last from its beginning, as its role has it by now. */
  readonly longest: () => number
  readonly extend: (until: number) => Promise<void>
  readonly end: () => Promise<void>
}

interface Lease extends Terms {
  readonly since: number
  until: number
  timer?: NodeJS.Timeout
}

/** https://developer.hashicorp.com/vault/api-docs/system/leases */
export class Leases {
  readonly #renewable: boolean
  readonly #leases = new Map<string, Lease>()

  constructor(renewable: boolean) {
    this.#renewable = renewable
  }

  begin(path: string, terms: Terms): Fields {
    const id = `${path}/${randomBytes(12).toString('hex')}`
    const now = Date.now()
    this.#keep(id, { ...terms, since: now, until: now + terms.duration })
    return this.#told(id, terms.duration)
  }

  async answer(what: string, { lease_id, increment }: Fields): Promise<Answer> {
    const id = String(lease_id)
    if (what === 'lookup') return this.#lookUp(id)
    if (what === 'renew') return this.#renew(id, Number(increment) * 1_000)
    if (what === 'revoke') await this.revoke((each) => each === id)
    else throw new Refusal(404, 'unsupported path')
    return undefined
  }

  async revoke(isMeant: (id: string, lease: Terms) => boolean): Promise<void> {
    const meant = [...this.#leases].filter(([id, lease]) => isMeant(id, lease))
    await Promise.all(meant.map(([id, lease]) => this.#end(id, lease)))
  }

  /** Without ending what they stand for. */
  stop(): void {
    for (const { timer } of this.#leases.values()) clearTimeout(timer)
  }

  #lookUp(id: string): Answer {
    const lease = this.#leases.get(id)
    if (lease === undefined) throw new Refusal(400, 'invalid lease')
    const ttl = Math.floor((lease.until - Date.now()) / 1_000)
    const [issue_time, expire_time] = [lease.since, lease.until].map((at) => new Date(at))
    return { data: { id, issue_time, expire_time, ttl, renewable: this.#renewable } }
  }

  async #renew(id: string, increment: number): Promise<Answer> {
    const lease = this.#leases.get(id)
    if (lease === undefined) throw new Refusal(400, 'lease not found')
    if (!this.#renewable) throw new Refusal(400, 'lease is not renewable')
    const now = Date.now()
    const left = lease.since + lease.longest() - now
    if (left < 0) throw new Refusal(400, 'past the max TTL, cannot renew')
    const duration = Math.min(increment, left)
    await lease.extend(now + duration)
    this.#keep(id, { ...lease, until: now + duration })
    return this.#told(id, duration)
  }

  #told(lease_id: string, duration: number): Fields {
    const lease_duration = Math.floor(duration / 1_000)
    return { lease_id, lease_duration, renewable: this.#renewable }
  }

  #keep(id: string, lease: Lease): void {
    clearTimeout(lease.timer)
    lease.timer = setTimeout(() => void this.#end(id, lease), lease.until - Date.now()).unref()
    this.#leases.set(id, lease)
  }

  async #end(id: string, { timer, end }: Lease): Promise<void> {
    clearTimeout(timer)
    this.#leases.delete(id)
    await end()
  }
}
