import { text } from '../../options.ts'
import type { Channel } from '../notified-by.ts'

/** A connection of `ioredis` that subscribes, known by its shape. */
export interface Subscriber {
  readonly status: string
  subscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string) => void): unknown
  on(event: 'ready', listener: () => void): unknown
  off(event: 'message' | 'ready', listener: (channel: string) => void): unknown
}

/**
 * Wakes at each message on a channel of Redis. The connection is yours, for subscriptions alone, and yours to close; it
 * reconnects by itself, and what was missed meanwhile is made good by one wake-up.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a channel that is missing.
 *
 * @example
 * redisChannel(redis.duplicate(), 'credentials-rotated')
 */
export function redisChannel(subscriber: Subscriber, name: string): Channel {
  text('name', name, 'the name of a channel')
  return (wake, { signal, onError }) => {
    const heard = (channel: string): void => {
      if (channel === name) wake()
    }
    const subscribe = (): void => {
      subscriber.subscribe(name).then(wake, (error: unknown) => {
        if (!signal.aborted) onError(error)
      })
    }
    subscriber.on('message', heard)
    subscriber.on('ready', subscribe)
    // One that is not ready yet says so when it is.
    if (subscriber.status === 'ready' || subscriber.status === 'wait') subscribe()
    const leave = (): void => {
      subscriber.off('message', heard)
      subscriber.off('ready', subscribe)
    }
    signal.addEventListener('abort', leave, { once: true })
  }
}
