// Not Azure: a small server that speaks the parts of Entra ID and of Key Vault that Azure's own libraries use, over TLS as they
// demand, written from the published documentation (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret). What a test against it shows is that the sources
// and those libraries speak that protocol, not that Azure does.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { makeCertificates } from '../servers/certificates.ts'

interface Version {
  id: string
  value: string
  enabled: boolean
  created: number
}

interface Answer {
  status: number
  body: object
  headers?: Record<string, string>
}

export class AzureServer implements AsyncDisposable {
  readonly tenant = 'shop.onmicrosoft.com'
  readonly clientId = 'app'
  clientSecret: string = randomBytes(12).toString('hex')
  /** What is said to who proves itself with another. */
  refusal = 'AADSTS7000215: Invalid client secret provided.'
  /** What a token says of the one that it is for, and for how many seconds it does. */
  claims: object = { oid: 'app' }
  tokenSeconds = 3_600
  /** Tokens that were given out, in order. */
  readonly tokens: string[] = []
  /** What was asked of the vault, in order. */
  readonly asked: string[] = []
  /** Whoever trusts it trusts this server. */
  readonly ca: string
  readonly #secrets = new Map<string, Version[]>()
  readonly #server: Server

  constructor({ ca, certificate, key }: { ca: string; certificate: string; key: string }) {
    this.ca = ca
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response)
    this.#server = createServer({ cert: certificate, key }, serve)
  }

  static async start(): Promise<AzureServer> {
    const azure = new AzureServer(await makeCertificates())
    azure.#server.listen(0, '127.0.0.1')
    await once(azure.#server, 'listening')
    return azure
  }

  get address(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Adds a version, a moment after the one before it. */
  add(secret: string, value: string): string {
    const versions = this.#secrets.get(secret) ?? []
    const created = Math.max(Math.floor(Date.now() / 1_000), (versions.at(-1)?.created ?? 0) + 1)
    const id = randomBytes(16).toString('hex')
    this.#secrets.set(secret, [...versions, { id, value, enabled: true, created }])
    return id
  }

  disableLatest(secret: string): void {
    const latest = this.#secrets.get(secret)?.at(-1)
    if (latest !== undefined) latest.enabled = false
  }

  /** As a replica that lags behind would answer. */
  forgetLatest(secret: string): void {
    this.#secrets.set(secret, this.#secrets.get(secret)?.slice(0, -1) ?? [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.address)
    const body = await text(request)
    const { status, body: answer, headers } = this.#answer(pathname, request, body)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(answer))
  }

  #answer(path: string, { headers }: IncomingMessage, body: string): Answer {
    const authority = `${this.address}/${this.tenant}`
    if (path === `/${this.tenant}/v2.0/.well-known/openid-configuration`) {
      const endpoint = `${authority}/oauth2/v2.0`
      const known = {
        issuer: `${authority}/v2.0`,
        authorization_endpoint: `${endpoint}/authorize`,
        token_endpoint: `${endpoint}/token`,
        jwks_uri: `${authority}/discovery/v2.0/keys`,
      }
      return { status: 200, body: known }
    }
    if (path === `/${this.tenant}/oauth2/v2.0/token`) return this.#token(new URLSearchParams(body))
    const [, secret = ''] = /^\/secrets\/([^/]+)\/?$/.exec(path) ?? []
    if (!this.tokens.some((token) => headers.authorization === `Bearer ${token}`)) {
      const challenge = `Bearer authorization="${authority}", resource="https://vault.azure.net"`
      return { ...refusal(401, 'Unauthorized'), headers: { 'www-authenticate': challenge } }
    }
    this.asked.push(path)
    const latest = this.#secrets.get(secret)?.at(-1)
    if (latest === undefined) return refusal(404, 'SecretNotFound')
    if (!latest.enabled) return refusal(403, 'Forbidden')
    const { id, value, created } = latest
    const attributes = { enabled: true, created, updated: created, recoveryLevel: 'Purgeable' }
    return {
      status: 200,
      body: { value, id: `${this.address}/secrets/${secret}/${id}`, attributes },
    }
  }

  #token(form: URLSearchParams): Answer {
    const isRight =
      form.get('grant_type') === 'client_credentials' &&
      form.get('client_id') === this.clientId &&
      form.get('client_secret') === this.clientSecret
    if (!isRight) {
      const body = { error: 'invalid_client', error_description: this.refusal }
      return { status: 401, body }
    }
    const now = Math.floor(Date.now() / 1_000)
    const aud = form.get('scope')?.replace(/\/\.default.*$/, '')
    const times = { iat: now, nbf: now, exp: now + this.tokenSeconds }
    const parts = [
      { typ: 'JWT', alg: 'RS256' },
      { aud, ...times, ...this.claims },
    ]
    const encoded = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    // Nobody here looks at the signature.
    const access_token = [...encoded, randomBytes(12).toString('base64url')].join('.')
    this.tokens.push(access_token)
    const lifetime = { expires_in: this.tokenSeconds, ext_expires_in: this.tokenSeconds }
    return { status: 200, body: { token_type: 'Bearer', access_token, ...lifetime } }
  }
}

function refusal(status: number, code: string): Answer {
  return { status, body: { error: { code, message: `${code}.` } } }
}
