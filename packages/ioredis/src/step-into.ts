import { replaceMembers } from '@rekey/core'
import type { RedisInternals } from './driver.ts'
import { isMessage } from './listening.ts'
import type { Message } from './overlap.ts'
import type { Session } from './session.ts'

/**
 * Has a client go on with the connection of another one, which was opened beside it and has heard these messages. The
 * other one stays as the reader of its socket, and says to the client what it hears.
 */
export function stepInto(
  first: Session,
  second: Session,
  messages: readonly Message[],
  heardTwice: number,
): void {
  const { redis: client } = first
  const { redis: reader } = second
  readFor(client, reader, Math.max(0, heardTwice - messages.length))
  first.isSucceededBy(second)
  for (const message of messages.slice(heardTwice)) deliver(client, message)
}

function readFor(client: RedisInternals, reader: RedisInternals, skip: number): void {
  let left = skip
  replaceMembers(reader, {
    emit(event, ...values) {
      if (left > 0 && isMessage(event)) left -= 1
      else if (left === 0 || !isMessage(`${event}Buffer`)) return client.emit(event, ...values)
      return true
    },
    listeners: (event) => client.listeners(event),
    handleReconnection: (error, item) => client.handleReconnection(error, item),
    recoverFromFatalError: (...values) => client.recoverFromFatalError(...values),
  })
  for (const name of ['commandQueue', 'condition', 'status'] as const) {
    Object.defineProperty(reader, name, { configurable: true, get: () => client[name] })
  }
}

/** In both forms, as the driver does it. */
function deliver(client: RedisInternals, { event, parts }: Message): void {
  const texts = event.replace('Buffer', '')
  try {
    if (client.listeners(texts).length > 0) client.emit(texts, ...parts.map(String))
    client.emit(event, ...parts)
  } catch (error) {
    // A listener's own matter, as it is when the driver calls it.
    process.nextTick(() => {
      throw error
    })
  }
}
