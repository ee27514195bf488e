import { once } from 'node:events'
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Stands before an HTTP server, passes on all that is asked of it, and tells what that was. */
export class Recorder implements AsyncDisposable {
  /** The paths, decoded, in order. */
  readonly asked: string[] = []
  readonly #behind: URL
  readonly #server = createServer((request, response) => this.#pass(request, response))

  private constructor(behind: URL) {
    this.#behind = behind
  }

  static async start(behind: string): Promise<Recorder> {
    const recorder = new Recorder(new URL(behind))
    recorder.#server.listen(0, '127.0.0.1')
    await once(recorder.#server, 'listening')
    return recorder
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { url: path = '/', method, headers } = request
    this.asked.push(decodeURIComponent(new URL(path, this.#behind).pathname))
    const { hostname: host, port } = this.#behind
    const onward = ask({ host, port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  }
}
