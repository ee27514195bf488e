import { once } from 'node:events'
import { request as plain, type IncomingMessage } from 'node:http'
import { request as secure } from 'node:https'
import { createInterface } from 'node:readline'
import { systemClock } from '../../clock.ts'
import { backoffDelay, refreshBackoff } from '../../schedule.ts'
import { sleep } from '../../sleep.ts'
import type { WatchContext } from '../../source.ts'

export interface EtcdWatch extends WatchContext {
  address: string
  /** In base64. */
  key: string
  /** The revision that was read first. */
  from: Promise<bigint>
  authorization: () => string | undefined
  wake: () => void
}

/** What the gateway says, one JSON object a line. */
interface WatchLine {
  result?: {
    header?: { revision?: string }
    canceled?: boolean
    cancel_reason?: string
    compact_revision?: string
    events?: unknown[]
  }
  error?: { message?: string }
}

/**
 * Wakes at each change of a key, from a revision on and until the signal aborts. What is lost is taken up again at the
 * revision after the last one that was seen; where that has been compacted, one wake-up makes good what cannot be heard.
 */
export function watchEtcd(watch: EtcdWatch): void {
  const { signal, wake, onError, clock = systemClock } = watch
  let next = 0n
  let failures = 0

  function heard({ result = {}, error }: WatchLine): void {
    const { header, canceled, cancel_reason: reason, compact_revision: compacted, events } = result
    if (compacted !== undefined && BigInt(compacted) > 0n) {
      next = BigInt(compacted)
      wake()
    }
    if (canceled === true || error !== undefined) {
      // Our token may be known no more. Who asks for the key logs in again.
      wake()
      throw new Error(`etcd ended the watch. ${reason ?? error?.message ?? 'It did not say why.'}`)
    }
    failures = 0
    if (events === undefined || events.length === 0) return
    next = BigInt(header?.revision ?? next) + 1n
    wake()
  }

  async function listenOnce(): Promise<void> {
    const response = await open(watch, next)
    try {
      for await (const line of createInterface(response)) heard(parse(line))
    } finally {
      response.destroy()
    }
    throw new Error('etcd closed the watch.')
  }

  async function keepListening(): Promise<void> {
    next = (await watch.from) + 1n
    while (!signal.aborted) {
      await listenOnce().catch((error: unknown) => {
        if (!signal.aborted) onError(error)
      })
      failures += 1
      const wait = backoffDelay(failures, refreshBackoff, Math.random)
      await sleep(clock, wait, signal)
    }
  }

  void keepListening()
}

function parse(line: string): WatchLine {
  try {
    return (JSON.parse(line) ?? {}) as WatchLine
  } catch {
    // Without a cause: its message quotes the line, and that holds the password.
    throw new Error('etcd said on the watch what is no JSON.')
  }
}

/** Not by `fetch`: it gives up on an answer that is silent for five minutes, and it keeps the process alive. */
async function open(
  { address, key, authorization, signal, wake }: EtcdWatch,
  revision: bigint,
): Promise<IncomingMessage> {
  const url = new URL(`${address}/v3/watch`)
  const token = authorization()
  const headers = token === undefined ? {} : { authorization: token }
  const request = (url.protocol === 'https:' ? secure : plain)(url, {
    method: 'POST',
    headers,
    signal,
  })
  request.on('socket', (socket) => socket.setKeepAlive(true, 30_000).unref())
  request.end(JSON.stringify({ create_request: { key, start_revision: String(revision) } }))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  // What happens to the connection later is told by the response.
  request.on('error', () => {})
  if (response.statusCode === 200) return response
  response.destroy()
  if (response.statusCode === 401 || response.statusCode === 403) wake()
  throw new Error(`etcd answered the watch with HTTP ${response.statusCode}.`)
}
