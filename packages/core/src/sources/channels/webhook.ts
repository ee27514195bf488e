import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from '../../options.ts'
import type { Channel } from '../notified-by.ts'

/** A channel, and the handler that makes it speak. */
export interface Webhook {
  readonly channel: Channel
  /** For `http.createServer`, or a route of a framework that hands on Node's request and response. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
}

/**
 * Wakes at each `POST` with `Authorization: Bearer <token>`, whatever its body: what EventBridge, Event Grid, Pub/Sub or
 * a deploy script can send. Answers 202, or 401 or 405. Without the token anybody could make the fleet ask its store.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a token that is missing.
 *
 * @example
 * const hook = webhook(process.env.ROTATION_TOKEN)
 * http.createServer(hook.handler).listen(8080)
 * const source = notifiedBy(fromAwsSecretsManager('prod/db'), hook.channel)
 */
export function webhook(token: string | undefined): Webhook {
  const expected = digest(`Bearer ${text('token', token, 'a token that only the sender knows')}`)
  const listeners = new Set<() => void>()
  return {
    channel(wake, { signal }) {
      listeners.add(wake)
      signal.addEventListener('abort', () => listeners.delete(wake), { once: true })
    },
    handler(request, response) {
      request.resume()
      const given = digest(request.headers.authorization ?? '')
      // In the same time, whatever is given.
      const isSender = timingSafeEqual(given, expected)
      const isPost = request.method === 'POST'
      if (isPost && isSender) for (const wake of listeners) wake()
      response.writeHead(isPost ? (isSender ? 202 : 401) : 405, isPost ? {} : { allow: 'POST' })
      response.end()
    },
  }
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}
