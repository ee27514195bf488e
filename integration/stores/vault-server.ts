// Not Vault: a small server that speaks the part of its HTTP API that the sources use, written from the published
// documentation (https://developer.hashicorp.com/vault/api-docs), for machines that neither Vault nor OpenBao can be had on.
// What a test against it shows is that the sources speak that protocol, not that Vault does.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Account } from '../servers/server.ts'

type Fields = Record<string, string>

interface Lease {
  account: Account
  issuedAt: number
  endsAt: number
  timer: NodeJS.Timeout
}

export interface VaultServerOptions {
  namespace?: string
  /** Whole seconds, as everything in Vault. */
  leaseSeconds?: number
  maxLeaseSeconds?: number
  tokenSeconds?: number
  renewable?: boolean
  /** How accounts come and go in the database. */
  create?: () => Promise<Account>
  drop?: (account: Account) => Promise<void>
}

class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export class VaultServer implements AsyncDisposable {
  readonly rootToken: string = `hvs.${randomBytes(12).toString('hex')}`
  readonly appRole = { role_id: 'app', secret_id: randomBytes(12).toString('hex') }
  readonly leases = new Map<string, Lease>()
  /** What was asked for, in order. */
  readonly asked: string[] = []
  /** Static roles: the account, when it was rotated, and how long until the next time. */
  readonly staticRoles = new Map<string, Account & { rotatedAt: Date; ttlSeconds: number }>()
  readonly #tokens = new Map<string, number>([[this.rootToken, Infinity]])
  readonly #secrets = new Map<string, { fields: Fields; deleted: boolean }[]>()
  readonly #options: VaultServerOptions
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  constructor(options: VaultServerOptions = {}) {
    this.#options = options
  }

  static async start(options?: VaultServerOptions): Promise<VaultServer> {
    const vault = new VaultServer(options)
    vault.#server.listen(0, '127.0.0.1')
    await once(vault.#server, 'listening')
    return vault
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  write(path: string, fields: Fields): void {
    const versions = this.#secrets.get(path) ?? []
    this.#secrets.set(path, [...versions, { fields, deleted: false }])
  }

  deleteLatest(path: string): void {
    const latest = this.#secrets.get(path)?.at(-1)
    if (latest !== undefined) latest.deleted = true
  }

  revokeTokens(): void {
    for (const token of this.#tokens.keys())
      if (token !== this.rootToken) this.#tokens.delete(token)
  }

  async revokeLease(id: string): Promise<void> {
    const lease = this.leases.get(id)
    if (lease === undefined) return
    clearTimeout(lease.timer)
    this.leases.delete(id)
    await this.#options.drop?.(lease.account)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.leases.values()) clearTimeout(timer)
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.address)
    const path = decodeURIComponent(pathname.replace(/^\/v1\//, ''))
    this.asked.push(path)
    const answer = await this.#answer(path, searchParams, request).then(
      (body) => ({ status: 200, body }),
      (error: unknown) => ({
        status: error instanceof Refusal ? error.status : 500,
        body: { errors: [String(error)] },
      }),
    )
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ request_id: randomBytes(8).toString('hex'), ...answer.body }))
  }

  async #answer(path: string, query: URLSearchParams, request: IncomingMessage): Promise<object> {
    const { headers, method = 'GET' } = request
    if (this.#options.namespace !== headers['x-vault-namespace'])
      throw new Refusal(404, 'no handler')
    const sent = await text(request)
    const body = (sent === '' ? {} : JSON.parse(sent)) as Record<string, unknown>
    if (path === 'auth/approle/login') {
      const { role_id: role, secret_id: secret } = body
      const isRight = role === this.appRole.role_id && secret === this.appRole.secret_id
      if (!isRight) throw new Refusal(400, 'invalid role or secret ID')
      return this.#newToken(`hvs.${randomBytes(12).toString('hex')}`)
    }
    if (path === 'sys/health') return { initialized: true, sealed: false, standby: false }
    const token = String(headers['x-vault-token'])
    if (!((this.#tokens.get(token) ?? 0) > Date.now())) throw new Refusal(403, 'permission denied')
    if (path === 'auth/token/renew-self') return this.#newToken(token)
    if (path === 'sys/leases/lookup') return this.#lookUp(String(body['lease_id']))
    if (path === 'sys/leases/renew') return this.#renew(body)
    if (token === this.rootToken && method !== 'GET') return this.#operate(method, path, body)
    if (path === 'sys/auth') return { data: { 'approle/': {}, 'token/': {} } }
    if (path.endsWith('/role-id')) return { data: { role_id: this.appRole.role_id } }
    if (path.startsWith('secret/data/')) return this.#read(path.slice(12), query.get('version'))
    if (path.startsWith('database/static-creds/')) return this.#readStatic(path.slice(22))
    if (path === 'database/creds/app') return this.#issue()
    throw new Refusal(403, 'permission denied')
  }

  /** What an operator does over the same API. Its one role is there, and may read what `secret` holds. */
  #operate(method: string, path: string, body: Record<string, unknown>): object {
    const secret = path.slice('secret/data/'.length)
    if (path.startsWith('secret/data/') && method === 'DELETE') this.deleteLatest(secret)
    else if (path.startsWith('secret/data/')) this.write(secret, body['data'] as Fields)
    else if (path.startsWith('sys/leases/revoke-prefix/auth/')) this.revokeTokens()
    else if (path.endsWith('/secret-id')) return { data: { secret_id: this.appRole.secret_id } }
    return {}
  }

  #newToken(token: string): object {
    const lease_duration = this.#options.tokenSeconds ?? 3_600
    this.#tokens.set(token, Date.now() + lease_duration * 1_000)
    return { auth: { client_token: token, lease_duration, renewable: true, policies: ['default'] } }
  }

  #read(path: string, version: string | null): object {
    const versions = this.#secrets.get(path) ?? []
    const number = version === null ? versions.length : Number(version)
    const found = versions[number - 1]
    if (found === undefined || found.deleted) throw new Refusal(404, '')
    const metadata = { version: number, destroyed: false, deletion_time: '' }
    return { data: { data: found.fields, metadata } }
  }

  #readStatic(name: string): object {
    const role = this.staticRoles.get(name)
    if (role === undefined) throw new Refusal(400, `unknown role: ${name}`)
    const { user: username, password, rotatedAt, ttlSeconds: ttl } = role
    const last_vault_rotation = rotatedAt.toISOString()
    return { data: { username, password, last_vault_rotation, rotation_period: 3_600, ttl } }
  }

  async #issue(): Promise<object> {
    const account = await this.#options.create?.()
    if (account === undefined) throw new Refusal(400, 'unknown role: app')
    const lease_id = `database/creds/app/${randomBytes(12).toString('hex')}`
    const { leaseSeconds: lease_duration = 3_600, renewable = true } = this.#options
    this.#keep(lease_id, { account, issuedAt: Date.now() }, lease_duration)
    const { user: username, password } = account
    return { lease_id, lease_duration, renewable, data: { username, password } }
  }

  #keep(id: string, lease: Pick<Lease, 'account' | 'issuedAt'>, seconds: number): void {
    clearTimeout(this.leases.get(id)?.timer)
    const timer = setTimeout(() => void this.revokeLease(id), seconds * 1_000).unref()
    this.leases.set(id, { ...lease, endsAt: Date.now() + seconds * 1_000, timer })
  }

  #lookUp(id: string): object {
    const lease = this.leases.get(id)
    if (lease === undefined) throw new Refusal(400, 'invalid lease')
    return { data: { id, ttl: Math.floor((lease.endsAt - Date.now()) / 1_000), renewable: true } }
  }

  #renew({ lease_id, increment }: Record<string, unknown>): object {
    const id = String(lease_id)
    const lease = this.leases.get(id)
    if (lease === undefined) throw new Refusal(400, 'lease not found')
    const { maxLeaseSeconds = 86_400 } = this.#options
    const left = Math.floor((lease.issuedAt + maxLeaseSeconds * 1_000 - Date.now()) / 1_000)
    const lease_duration = Math.max(0, Math.min(Number(increment), left))
    this.#keep(id, lease, lease_duration)
    return { lease_id: id, lease_duration, renewable: true }
  }
}
