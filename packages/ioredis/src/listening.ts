import { replaceMembers } from '@rekey/core'
import type { RedisInternals } from './driver.ts'
import type { Message } from './overlap.ts'

/** The messages of a subscriber, as they come. */
export interface Listening extends Disposable {
  readonly messages: Message[]
  /** Begins anew with the next one. */
  forget(): void
}

/** As the driver emits them last, and always. */
const events: ReadonlySet<string> = new Set(['messageBuffer', 'pmessageBuffer', 'smessageBuffer'])

export function isMessage(event: string): boolean {
  return events.has(event)
}

/** Listens to what a client is told, before anybody else does. */
export function listen(client: RedisInternals): Listening {
  const own = Object.getOwnPropertyDescriptor(client, 'emit')
  const { emit } = client
  const messages: Message[] = []
  replaceMembers(client, {
    emit(event, ...values) {
      if (isMessage(event)) messages.push({ event, parts: values as Message['parts'] })
      return emit.call(client, event, ...values)
    },
  })
  let isOver = false
  return {
    messages,
    forget() {
      messages.length = 0
    },
    [Symbol.dispose]() {
      if (isOver) return
      isOver = true
      if (own === undefined) Reflect.deleteProperty(client, 'emit')
      else Object.defineProperty(client, 'emit', own)
    },
  }
}
