// Not Vault: a small server that speaks the part of its HTTP API that the sources and the tests' operator use, written from the
// published documentation (https://developer.hashicorp.com/vault/api-docs, https://openbao.org/api-docs) and compared with OpenBao's
// sources, for machines that neither can be had on. What a test against it shows is that the sources speak that protocol, not
// that Vault does.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Namespace } from './namespace.ts'
import { Refusal, type Answer, type Fields, type Question } from './question.ts'

export interface VaultServerOptions {
  /** Whether its leases can be renewed. Those of a real database engine always can. Default: true. */
  renewable?: boolean
}

/** What every answer has. */
const empty = {
  lease_id: '',
  lease_duration: 0,
  renewable: false,
  data: null,
  wrap_info: null,
  warnings: null,
  auth: null,
}

export class VaultServer implements AsyncDisposable {
  readonly rootToken: string = `hvs.${randomBytes(12).toString('hex')}`
  readonly #renewable: boolean
  /** By name; that of the root is empty. */
  readonly #namespaces = new Map<string, Namespace>()
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  constructor({ renewable = true }: VaultServerOptions = {}) {
    this.#renewable = renewable
    // As in the development mode of a real one.
    this.#addNamespace('').mount('secret', 'kv')
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    for (const namespace of this.#namespaces.values()) await namespace[Symbol.asyncDispose]()
  }

  #addNamespace(name: string): Namespace {
    const namespace = new Namespace(this.rootToken, this.#renewable)
    this.#namespaces.set(name, namespace)
    return namespace
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, body] = await this.#answer(request).then(
      (answer): [number, Fields?] =>
        answer === undefined
          ? [204]
          : [200, { request_id: randomBytes(8).toString('hex'), ...empty, ...answer }],
      refusalOf,
    )
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(body && JSON.stringify(body))
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { headers, method = 'GET' } = request
    const { pathname, searchParams } = new URL(request.url ?? '/', this.address)
    const sent = await text(request)
    const question: Question = {
      method,
      path: decodeURIComponent(pathname.replace(/^\/v1\//, '')),
      token: String(headers['x-vault-token']),
      version: searchParams.get('version'),
      body: (sent === '' ? {} : JSON.parse(sent)) as Fields,
    }
    if (question.path === 'sys/health') return { initialized: true, sealed: false, standby: false }
    const namespace = this.#namespaces.get(String(headers['x-vault-namespace'] ?? ''))
    if (namespace === undefined) throw new Refusal(404, 'namespace not found')
    const [, added] = /^sys\/namespaces\/(.+)$/.exec(question.path) ?? []
    if (added === undefined) return namespace.answer(question)
    if (question.token !== this.rootToken) throw new Refusal(403, 'permission denied')
    this.#addNamespace(added)
    return { data: { id: randomBytes(3).toString('hex'), path: `${added}/`, custom_metadata: {} } }
  }
}

function refusalOf(error: unknown): [number, Fields] {
  const { message } = error as Error
  if (!(error instanceof Refusal))
    return [500, { errors: [`1 error occurred:\n\t* ${message}\n\n`] }]
  const { status, data } = error
  return [status, data ? { ...empty, data } : { errors: message === '' ? [] : [message] }]
}
