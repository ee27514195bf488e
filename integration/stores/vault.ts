import { randomBytes } from 'node:crypto'
import type { VaultOptions } from '@rekey/core/vault'
import { serverAddress } from '../servers/on-demand.ts'
import type { Place } from '../servers/server.ts'
import { until } from '../until.ts'
import { Recorder } from './recorder.ts'
import { VaultServer } from './vault-server/server.ts'

type Fields = Record<string, unknown>

/** What a test needs that not every Vault has. Where the one that is named cannot do it, our own server stands in. */
export interface VaultNeeds {
  /** A namespace of its own: OpenBao has some, Vault only where it is paid for. */
  namespace?: boolean
  /** Leases that cannot be renewed: no real database engine has any. */
  renewable?: false
}

/** An answer that is none of success. */
class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Access {
  readonly address: string
  readonly rootToken: string
  readonly namespace?: string
}

function newName(what: string): string {
  return `${what}-${randomBytes(4).toString('hex')}`
}

/** A Vault or an OpenBao whose operator is the test: all that it does goes over the public API. */
export class Vault implements AsyncDisposable {
  /** Seconds: the shortest time between two rotations that it takes for a static role. */
  readonly shortestRotation: number
  readonly #access: Access
  readonly #recorder: Recorder
  /** Who logs in comes by this method, and is known by this name. */
  readonly #method = newName('approle')
  readonly #endings: (() => Promise<unknown>)[] = []

  private constructor(access: Access, recorder: Recorder, shortestRotation: number) {
    this.#access = access
    this.#recorder = recorder
    this.shortestRotation = shortestRotation
  }

  static async open(access: Access, server?: VaultServer): Promise<Vault> {
    const recorder = await Recorder.start(access.address)
    const vault = new Vault(access, recorder, server === undefined ? 5 : 1)
    vault.#endings.push(async () => {
      await recorder[Symbol.asyncDispose]()
      await server?.[Symbol.asyncDispose]()
    })
    if (access.namespace !== undefined) await vault.#mount('secret', 'kv', { version: '2' })
    return vault
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#endings.toReversed()) await end()
  }

  /** What was asked for by those who were given its options, in order. */
  get asked(): string[] {
    return this.#recorder.asked.map((path) => path.replace('/v1/', ''))
  }

  /** For a source that may do everything. */
  get withToken(): VaultOptions & { token: string } {
    return { ...this.#reached, token: this.#access.rootToken }
  }

  get #reached(): Pick<VaultOptions, 'address' | 'namespace'> {
    const { namespace } = this.#access
    return { address: this.#recorder.address, ...(namespace !== undefined && { namespace }) }
  }

  /** For a source that logs in, for an hour, and may read secrets and the database's credentials. */
  async makeLogin(): Promise<VaultOptions> {
    const role = `auth/${this.#method}/role/app`
    const paths = ['secret/data/*', 'database/*']
    const policy = paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join('\n')
    await this.#ask('PUT', `sys/policies/acl/${this.#method}`, { policy })
    await this.#ask('POST', `sys/auth/${this.#method}`, { type: 'approle' })
    await this.#ask('POST', role, { token_policies: [this.#method], token_ttl: 3_600 })
    const { role_id } = await this.#ask('GET', `${role}/role-id`)
    const { secret_id } = await this.#ask('POST', `${role}/secret-id`, {})
    const path = `auth/${this.#method}/login`
    return { ...this.#reached, login: { path, body: () => ({ role_id, secret_id }) } }
  }

  /** Ends every token that such a login has brought. */
  async revokeLogins(): Promise<void> {
    await this.#ask('PUT', `sys/leases/revoke-prefix/auth/${this.#method}/login`, { sync: true })
  }

  async write(path: string, fields: Fields): Promise<void> {
    await this.#ask('POST', `secret/data/${path}`, { data: fields })
  }

  async deleteLatest(path: string): Promise<void> {
    await this.#ask('DELETE', `secret/data/${path}`)
  }

  async hasLease(lease_id: string): Promise<boolean> {
    const found = await this.#ask('PUT', 'sys/leases/lookup', { lease_id }).catch(unlessStatus(400))
    return found !== undefined
  }

  /** As Vault does it at a lease's end. */
  async revokeLease(lease_id: string): Promise<void> {
    await this.#ask('PUT', 'sys/leases/revoke', { lease_id, sync: true })
  }

  /** A role of this name makes accounts in the place, for leases of so many seconds, and renewed so many at most. */
  async makeRole(place: Place, seconds: number, mostSeconds: number): Promise<string> {
    const role = await this.#connect(place)
    await this.setLease(role, seconds, mostSeconds)
    this.#endings.push(() =>
      this.#ask('PUT', `sys/leases/revoke-prefix/database/creds/${role}`, { sync: true }),
    )
    return role
  }

  async setLease(role: string, seconds: number, mostSeconds: number): Promise<void> {
    await this.#ask('POST', `database/roles/${role}`, {
      db_name: role,
      default_ttl: seconds,
      max_ttl: mostSeconds,
      creation_statements: [
        `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
      ],
      revocation_statements: ['DROP ROLE IF EXISTS "{{name}}"'],
    })
  }

  /** A static role of this name has the password of one of the place's accounts, which it changes at once and that often. */
  async makeStaticRole(place: Place, username: string, seconds = 3_600): Promise<string> {
    const role = await this.#connect(place)
    const path = `database/static-roles/${role}`
    await this.#ask('POST', path, { db_name: role, username, rotation_period: seconds })
    this.#endings.push(() => this.#ask('DELETE', path))
    return role
  }

  async rotate(staticRole: string): Promise<void> {
    await this.#ask('POST', `database/rotate-role/${staticRole}`, {})
  }

  /** Tells it of the place's server, and answers by which name. A session of its own in the place would be one too many. */
  async #connect({ host, port }: Place): Promise<string> {
    const name = newName('app')
    const { user: username, password } = await serverAddress('postgres')
    const mounts = await this.#ask('GET', 'sys/mounts')
    if (!('database/' in mounts)) await this.#mount('database', 'database')
    await this.#ask('POST', `database/config/${name}`, {
      plugin_name: 'postgresql-database-plugin',
      connection_url: `postgresql://{{username}}:{{password}}@${host}:${port}/postgres?sslmode=disable`,
      username,
      password,
      allowed_roles: [name],
    })
    this.#endings.push(() => this.#ask('DELETE', `database/config/${name}`))
    return name
  }

  async #mount(path: string, type: string, options?: Fields): Promise<void> {
    await this.#ask('POST', `sys/mounts/${path}`, { type, options })
    if (type !== 'kv') return
    // It is made ready in the background.
    await until('the engine to be ready', () =>
      this.#ask('GET', `${path}/config`).catch(unlessStatus(400)),
    )
  }

  #ask(method: string, path: string, body?: object): Promise<Fields> {
    return askVault(this.#access, method, path, body)
  }
}

/** Nothing for an answer with this status. */
function unlessStatus(status: number): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof Refused) || error.status !== status) throw error
  }
}

async function askVault(
  { address, rootToken, namespace }: Access,
  method: string,
  path: string,
  body?: object,
): Promise<Fields> {
  const headers = {
    'x-vault-token': rootToken,
    ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
  }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const response = await fetch(`${address}/v1/${encoded}`, init)
  const text = await response.text()
  const { ok, status } = response
  if (!ok) throw new Refused(status, `${method} ${path}: ${status} ${text}`)
  const { data } = (text === '' ? {} : JSON.parse(text)) as { data?: Fields | null }
  return data ?? {}
}

/**
 * The Vault or OpenBao that `REKEY_VAULT_ADDRESS` and `REKEY_VAULT_TOKEN` name, in its development mode; it must reach the
 * tests' PostgreSQL by the address that they have for it. Where they name none, or one that cannot do what is needed, a
 * server that speaks its protocol.
 */
export async function openVault(needs: VaultNeeds = {}): Promise<Vault> {
  const named = needs.renewable === false ? undefined : await namedVault(needs)
  if (named !== undefined) return Vault.open(named)
  const server = await VaultServer.start(needs)
  const { address, rootToken } = server
  const own = { address, rootToken }
  return Vault.open(needs.namespace ? await addNamespace(own) : own, server)
}

async function namedVault({ namespace }: VaultNeeds): Promise<Access | undefined> {
  const { REKEY_VAULT_ADDRESS: address, REKEY_VAULT_TOKEN: rootToken = '' } = process.env
  if (address === undefined) return undefined
  const isUp = (): Promise<boolean> =>
    fetch(`${address}/v1/sys/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until('the Vault to be up', isUp)
  const access = { address, rootToken }
  if (!namespace) return access
  // So answers a Vault that was not paid for, where it would have to be.
  return addNamespace(access).catch(unlessStatus(404))
}

async function addNamespace(access: Access): Promise<Access> {
  const namespace = newName('team')
  await askVault(access, 'POST', `sys/namespaces/${namespace}`, {})
  return { ...access, namespace }
}
