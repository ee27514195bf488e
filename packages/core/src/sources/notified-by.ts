import { systemClock, type Clock, type Timer } from '../clock.ts'
import { RekeyError } from '../errors.ts'
import { duration, kindOf } from '../options.ts'
import type { Random } from '../schedule.ts'
import type { Source } from '../source.ts'
import { likewise } from './likewise.ts'

export { fileChannel } from './channels/file.ts'
export { postgresChannel } from './channels/postgres.ts'
export type { ListeningClient } from './channels/postgres.ts'
export { redisChannel } from './channels/redis.ts'
export type { Subscriber } from './channels/redis.ts'
export { signalChannel } from './channels/signal.ts'
export { webhook } from './channels/webhook.ts'
export type { Webhook } from './channels/webhook.ts'

/** Calls `wake` whenever it hears that something has changed, until the signal aborts. */
export type Channel = NonNullable<Source['watch']>

export interface NotifiedByOptions {
  /**
   * Milliseconds over which the processes that hear the same push ask the store, each at a moment of its own. Default:
   * 2000, with which 10,000 processes ask at half of what AWS Secrets Manager allows (10,000/s). 0 asks at once.
   */
  spread?: number
  /** For tests. Default: the cache's own. */
  clock?: Clock
  /** For tests. */
  random?: Random
}

/**
 * The same source, woken up by a channel: a push is a hint, the store is asked, and polled as before in case that a push
 * is lost. What arrives while a question is due already is the same hint.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` if `channel` is not a function or `spread` not a duration.
 *
 * @example
 * notifiedBy(fromAwsSecretsManager('prod/db'), redisChannel(subscriber, 'credentials'))
 */
export function notifiedBy(
  source: Source,
  channel: Channel,
  { spread = 2_000, clock: given, random = Math.random }: NotifiedByOptions = {},
): Source {
  if (typeof channel !== 'function') {
    const details = { option: 'channel', given: kindOf(channel), allowed: 'a channel' }
    throw new RekeyError(
      'ERR_REKEY_OPTION',
      `channel is ${details.given}; it must be a channel, for example postgresChannel(connect, 'rotated').`,
      details,
    )
  }
  duration('spread', spread)
  return {
    ...likewise(source),
    watch(onChange, context) {
      source.watch?.(onChange, context)
      const clock = given ?? context.clock ?? systemClock
      let due: Timer | undefined
      context.signal.addEventListener('abort', () => due?.cancel(), { once: true })
      const wake = (): void => {
        if (context.signal.aborted) return
        due ??= clock.after(random() * spread, () => {
          due = undefined
          onChange()
        })
      }
      channel(wake, context)
    },
  }
}
