import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Leases } from './leases.ts'
import { Refusal, type Answer, type Engine, type Fields, type Question } from './question.ts'

/** Seconds all of them, and statements for the database. */
interface Role {
  readonly db_name: string
  readonly default_ttl: number
  readonly max_ttl: number
  readonly creation_statements: readonly string[]
  readonly revocation_statements: readonly string[]
}

interface StaticRole {
  readonly db_name: string
  readonly username: string
  readonly rotation_period: number
  password: string
  rotatedAt: number
  timer?: NodeJS.Timeout
}

/**
 * The database engine for PostgreSQL: https://developer.hashicorp.com/vault/api-docs/secret/databases. The accounts are those of
 * the real database that it is told of.
 */
export class DatabaseEngine implements Engine {
  readonly #mount: string
  readonly #leases: Leases
  readonly #databases = new Map<string, pg.Pool>()
  readonly #roles = new Map<string, Role>()
  readonly #staticRoles = new Map<string, StaticRole>()

  constructor(mount: string, leases: Leases) {
    this.#mount = mount
    this.#leases = leases
  }

  async answer({ method, path, token, body }: Question): Promise<Answer> {
    const [what = '', name = ''] = path.split('/')
    if (what === 'creds') return this.#issue(name, token)
    if (what === 'static-creds') return this.#readStatic(name)
    if (method === 'DELETE') return this.#forget(what, name)
    if (what === 'config') await this.#connect(name, body)
    else if (what === 'roles') this.#roles.set(name, body as unknown as Role)
    else if (what === 'static-roles') await this.#makeStatic(name, body)
    else if (what === 'rotate-role') await this.#rotate(name)
    else throw new Refusal(404, 'unsupported path')
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#staticRoles.values()) clearTimeout(timer)
    await Promise.all([...this.#databases.values()].map((database) => database.end()))
  }

  async #connect(name: string, { connection_url, username, password }: Fields): Promise<void> {
    const connectionString = fillIn(String(connection_url), { username, password })
    const database = new pg.Pool({ connectionString, max: 2 })
    database.on('error', () => {})
    this.#databases.set(name, database)
    await database.query('SELECT')
  }

  async #forget(what: string, name: string): Promise<undefined> {
    if (what === 'roles') this.#roles.delete(name)
    if (what === 'static-roles') {
      clearTimeout(this.#staticRoles.get(name)?.timer)
      this.#staticRoles.delete(name)
    }
    if (what === 'config') {
      const database = this.#databases.get(name)
      this.#databases.delete(name)
      await database?.end()
    }
  }

  async #issue(name: string, token: string): Promise<Answer> {
    const role = this.#roles.get(name)
    if (role === undefined) throw new Refusal(400, `unknown role: ${name}`)
    const username = `v-${name}-${randomBytes(10).toString('hex')}`.slice(0, 63)
    const password = newPassword()
    const duration = Math.min(role.default_ttl, role.max_ttl) * 1_000
    const run = (statements: readonly string[], expiresAt = 0): Promise<void> =>
      this.#run(role.db_name, statements, {
        name: username,
        username,
        password,
        expiration: stampOf(expiresAt),
      })
    await run(role.creation_statements, Date.now() + duration)
    const lease = this.#leases.begin(`${this.#mount}/creds/${name}`, {
      duration,
      token,
      longest: () => (this.#roles.get(name)?.max_ttl ?? 0) * 1_000,
      extend: (until) => run([`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}'`], until),
      end: () => run(role.revocation_statements),
    })
    return { ...lease, data: { username, password } }
  }

  async #makeStatic(name: string, body: Fields): Promise<void> {
    const settings = body as unknown as Omit<StaticRole, 'password' | 'rotatedAt'>
    this.#staticRoles.set(name, { ...settings, password: '', rotatedAt: 0 })
    await this.#rotate(name)
  }

  /** The database first, and what is told of it after that. */
  async #rotate(name: string): Promise<void> {
    const role = this.#staticRoles.get(name)
    if (role === undefined) throw new Refusal(400, 'no static role found for role name')
    const { db_name, username, rotation_period } = role
    const password = newPassword()
    const statement = `ALTER ROLE "{{username}}" WITH PASSWORD '{{password}}'`
    await this.#run(db_name, [statement], { username, password })
    Object.assign(role, { password, rotatedAt: Date.now() })
    clearTimeout(role.timer)
    const again = (): void => {
      // It may have been deleted while it was rotated.
      if (this.#staticRoles.has(name)) void this.#rotate(name)
    }
    role.timer = setTimeout(again, rotation_period * 1_000).unref()
  }

  #readStatic(name: string): Answer {
    const role = this.#staticRoles.get(name)
    if (role === undefined) throw new Refusal(400, `unknown role: ${name}`)
    const { username, password, rotation_period, rotatedAt } = role
    const left = rotatedAt / 1_000 + rotation_period - Date.now() / 1_000
    // Go writes nanoseconds.
    const last_vault_rotation = new Date(rotatedAt).toISOString().replace('Z', '525302Z')
    const ttl = Math.max(0, Math.round(left))
    return { data: { username, password, last_vault_rotation, rotation_period, ttl } }
  }

  async #run(database: string, statements: readonly string[], values: Fields): Promise<void> {
    const all = statements.map((statement) => fillIn(statement, values))
    // Together they are one transaction.
    await this.#databases.get(database)?.query(all.join(';\n'))
  }
}

function fillIn(text: string, values: Fields): string {
  return text.replaceAll(/{{(\w+)}}/g, (_, name: string) => String(values[name]))
}

function newPassword(): string {
  return `A1a-${randomBytes(8).toString('hex')}`
}

/** With the buffer of 5 s that keeps an account from ending before its lease does. */
function stampOf(at: number): string {
  return new Date(at + 5_000).toISOString().replace('T', ' ').replace(/\..*/, '+0000')
}
