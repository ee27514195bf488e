// Not Google: a small server that speaks the parts of the Secret Manager API and of the Security Token Service that the source
// and Google's own library use, written from the published documentation
// (https://docs.cloud.google.com/secret-manager/docs/reference/rest, https://docs.cloud.google.com/iam/docs/reference/sts/rest).
// What a test against it shows is that the source speaks that protocol, not that Google does.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Version {
  data: string
  state: 'ENABLED' | 'DISABLED' | 'DESTROYED'
}

class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export class GoogleServer implements AsyncDisposable {
  /** What a workload proves itself with, in exchange for a token. */
  readonly subjectToken: string = randomBytes(12).toString('hex')
  /** What was asked for, in order. */
  readonly asked: string[] = []
  /** As `latest` may: it answers the first so many versions of each secret, and none that was added later. */
  latestKnows = Infinity
  /** Whether whoever asks may list versions too: `roles/secretmanager.viewer`. */
  mayList = false
  readonly #secrets = new Map<string, Version[]>()
  readonly #tokens = new Set<string>()
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  static async start(): Promise<GoogleServer> {
    const google = new GoogleServer()
    google.#server.listen(0, '127.0.0.1')
    await once(google.#server, 'listening')
    return google
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The file of credentials for a workload outside of Google, whose own token is in another file. */
  credentials(file: string): object {
    return {
      type: 'external_account',
      audience:
        '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${this.address}/v1/token`,
      credential_source: { file },
    }
  }

  add(secret: string, fields: object): void {
    const data = Buffer.from(JSON.stringify(fields)).toString('base64')
    const version: Version = { data, state: 'ENABLED' }
    this.#secrets.set(secret, [...(this.#secrets.get(secret) ?? []), version])
  }

  set(secret: string, number: number, state: Version['state']): void {
    const version = this.#secrets.get(secret)?.[number - 1]
    if (version === undefined) throw new Error(`${secret} has no version ${number}`)
    version.state = state
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const answer = await (async () => this.#answer(request, body))().then(
      (found) => ({ status: 200, body: found }),
      (error: unknown) => {
        const { status = 500, code = 'INTERNAL', message } = error as Partial<Refusal>
        return { status, body: { error: { code: status, message, status: code } } }
      },
    )
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  }

  #answer({ url = '/', headers }: IncomingMessage, body: string): object {
    const { pathname, searchParams } = new URL(url, this.address)
    if (pathname === '/v1/token') return this.#exchange(new URLSearchParams(body))
    this.asked.push(pathname.slice('/v1/'.length))
    const token = headers.authorization?.replace(/^Bearer /, '') ?? ''
    if (!this.#tokens.has(token))
      throw new Refusal(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.')
    const [, secret = '', number, method] =
      /^\/v1\/(projects\/.+\/secrets\/[^/]+)\/versions(?:\/([^/:]+):(\w+))?$/.exec(pathname) ?? []
    const versions = this.#secrets.get(secret)
    const isList = number === undefined
    if (versions === undefined || (isList && !this.mayList))
      throw new Refusal(
        403,
        'PERMISSION_DENIED',
        `Permission denied on ${secret}, or it may not exist.`,
      )
    if (isList) return this.#list(secret, versions, searchParams)
    if (method !== 'access') throw new Refusal(404, 'NOT_FOUND', 'Method not found.')
    return this.#access(secret, versions, number)
  }

  #exchange(form: URLSearchParams): object {
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const isRight =
      form.get('grant_type') === grant && form.get('subject_token') === this.subjectToken
    if (!isRight) throw new Refusal(400, 'INVALID_ARGUMENT', 'invalid_grant')
    const access_token = randomBytes(12).toString('hex')
    this.#tokens.add(access_token)
    const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token'
    return { access_token, issued_token_type, token_type: 'Bearer', expires_in: 3_600 }
  }

  #access(secret: string, versions: readonly Version[], asked: string): object {
    const latest = Math.min(versions.length, this.latestKnows)
    const number = asked === 'latest' ? latest : Number(asked)
    const name = `${secret}/versions/${number}`
    const version = versions[number - 1]
    if (version === undefined)
      throw new Refusal(404, 'NOT_FOUND', `Secret Version [${name}] not found.`)
    if (version.state !== 'ENABLED')
      throw new Refusal(
        400,
        'FAILED_PRECONDITION',
        `Secret Version [${name}] is in ${version.state} state.`,
      )
    return { name, payload: { data: version.data } }
  }

  #list(secret: string, versions: readonly Version[], query: URLSearchParams): object {
    const wanted = query.get('filter')?.replace('state:', '')
    const named = versions.map(({ state }, index) => ({
      name: `${secret}/versions/${index + 1}`,
      state,
    }))
    const found = named.filter(({ state }) => wanted === undefined || state === wanted).toReversed()
    return {
      versions: found.slice(0, Number(query.get('pageSize') ?? 25)),
      totalSize: found.length,
    }
  }
}
