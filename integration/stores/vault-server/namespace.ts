import { Access } from './access.ts'
import { DatabaseEngine } from './database-engine.ts'
import { KvEngine } from './kv-engine.ts'
import { Leases } from './leases.ts'
import { Refusal, type Answer, type Engine, type Question } from './question.ts'

/** A Vault in a Vault, with its own engines, tokens and leases. */
export class Namespace implements AsyncDisposable {
  readonly #access: Access
  readonly #leases: Leases
  readonly #engines = new Map<string, Engine>()

  constructor(root: string, renewable: boolean) {
    this.#access = new Access(root)
    this.#leases = new Leases(renewable)
  }

  async answer(question: Question): Promise<Answer> {
    const { method, path, token, body } = question
    const [, approle] = /^auth\/(.+)\/login$/.exec(path) ?? []
    if (approle !== undefined) return this.#access.logIn(approle, body)
    this.#access.check(token, path)
    if (path === 'auth/token/renew-self') return this.#access.renew(token)
    if (path.startsWith('auth/')) return this.#access.answer({ ...question, path: path.slice(5) })
    if (path.startsWith('sys/')) return this.#operate(method, path.slice(4), question)
    for (const [mount, engine] of this.#engines) {
      const own = { ...question, path: path.slice(mount.length + 1) }
      if (path.startsWith(`${mount}/`)) return engine.answer(own)
    }
    throw new Refusal(404, `no handler for route "${path}". route entry not found.`)
  }

  /** As an operator asks for it. */
  mount(path: string, type: unknown): void {
    if (this.#engines.has(path)) throw new Refusal(400, `path is already in use at ${path}/`)
    const engine = type === 'kv' ? new KvEngine() : new DatabaseEngine(path, this.#leases)
    this.#engines.set(path, engine)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leases.stop()
    for (const engine of this.#engines.values()) await engine[Symbol.asyncDispose]()
  }

  async #operate(method: string, path: string, { body }: Question): Promise<Answer> {
    if (method === 'GET' && path === 'mounts') {
      return { data: Object.fromEntries([...this.#engines].map(([mount]) => [`${mount}/`, {}])) }
    }
    const [what, name = ''] = path
      .split(/^(auth|mounts|policies\/acl|leases(?:\/revoke-prefix)?)\//)
      .slice(1)
    if (what === 'leases') return this.#leases.answer(name, body)
    if (what === 'leases/revoke-prefix') await this.#revoke(name)
    else if (what === 'mounts') this.mount(name, body['type'])
    else if (what === 'policies/acl') this.#access.setPolicy(name, body)
    else if (what !== 'auth') throw new Refusal(404, 'unsupported path')
    return undefined
  }

  async #revoke(prefix: string): Promise<void> {
    const [, approle = ''] = /^auth\/(.+)\/login$/.exec(prefix) ?? []
    const ended = this.#access.revoke(approle)
    // What a token was given ends with it.
    await this.#leases.revoke((id, { token }) => id.startsWith(`${prefix}/`) || ended.has(token))
  }
}
