import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What a store says next: a status and a body, or nothing at all. */
export type HttpAnswer =
  | { status: number; body: string; headers?: Record<string, string>; breaksOff?: boolean }
  | 'hangs'

/** An HTTP server that answers what the test says, for what no store can be made to do on demand: errors, hangs, rubbish. */
export class HttpStore {
  answer: HttpAnswer = { status: 200, body: '{}' }
  /** What is said before that, once each, with status 200. */
  answers: unknown[] = []
  /** What is always said to a path, whatever the others are told. */
  readonly byPath = new Map<string, Exclude<HttpAnswer, 'hangs'>>()
  readonly requests: IncomingMessage[] = []
  readonly #server = createServer((request, response) => this.#serve(request, response))

  static async start(): Promise<HttpStore> {
    const store = new HttpStore()
    store.#server.listen(0, '127.0.0.1')
    await once(store.#server, 'listening')
    onTestFinished(() => {
      store.#server.close()
      store.#server.closeAllConnections()
    })
    return store
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  json(status: number, body: unknown): void {
    this.answer = { status, body: JSON.stringify(body) }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push(request)
    if (this.answer === 'hangs') return
    const own = this.byPath.get(request.url ?? '')
    const next = own === undefined ? this.answers.shift() : undefined
    const { status, body, headers, breaksOff } =
      next === undefined ? (own ?? this.answer) : { status: 200, body: JSON.stringify(next) }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    if (breaksOff === true) response.write(body, () => response.destroy())
    else response.end(body)
  }
}
