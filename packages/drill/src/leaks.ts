import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { Messages } from '@rekey/core'

const channels = [
  'rekey:change',
  'rekey:refresh-error',
  'rekey:stale-answer',
  'rekey:candidate-refused',
  'rekey:verified',
  'rekey:drained',
  'rekey:stalled',
] as const satisfies (keyof Messages)[]

/**
 * Searches all that the process lets out for the passwords in use: what it writes to stdout and stderr, its warnings,
 * the messages on the diagnostics channels, and whatever is handed to {@link look}.
 */
export class LeakWatch {
  readonly #secrets = new Set<string>()
  readonly #stop: (() => void)[] = []
  #found = 0

  /** How many outputs carried a password. */
  get found(): number {
    return this.#found
  }

  guard(secret: string): void {
    this.#secrets.add(secret)
  }

  /** Looks at a value as `console.log` would print it. */
  look(value: unknown): void {
    const text = typeof value === 'string' ? value : inspect(value, { depth: 12 })
    for (const secret of this.#secrets) if (text.includes(secret)) this.#found += 1
  }

  /** The same without any password. */
  redact(text: string): string {
    let redacted = text
    for (const secret of this.#secrets) redacted = redacted.replaceAll(secret, '[redacted]')
    return redacted
  }

  start(): void {
    const look = (message: unknown): void => this.look(message)
    for (const channel of channels) {
      subscribe(channel, look)
      this.#stop.push(() => unsubscribe(channel, look))
    }
    process.on('warning', look)
    this.#stop.push(() => process.off('warning', look))
    for (const stream of [process.stdout, process.stderr]) this.#stop.push(tap(stream, this))
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop()
  }
}

/** Who looks at what is written to a stream. Several drills may run at once: the first puts the tap in, the last takes it out. */
const taps = new Map<
  NodeJS.WriteStream,
  { readonly watches: Set<LeakWatch>; readonly remove: () => void }
>()

/** Has a watch look at all that is written to a stream, until what it returns is called. */
function tap(stream: NodeJS.WriteStream, watch: LeakWatch): () => void {
  let present = taps.get(stream)
  if (present === undefined) {
    const watches = new Set<LeakWatch>()
    present = { watches, remove: divert(stream, watches) }
    taps.set(stream, present)
  }
  const { watches, remove } = present
  watches.add(watch)
  return () => {
    watches.delete(watch)
    if (watches.size > 0) return
    taps.delete(stream)
    remove()
  }
}

function divert(stream: NodeJS.WriteStream, all: ReadonlySet<LeakWatch>): () => void {
  const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean
  const diverted = (chunk: string | Uint8Array, ...parameters: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    for (const watch of all) watch.look(text)
    return write(chunk, ...parameters)
  }
  // Somebody may have replaced the stream's method before us; else it is the prototype's.
  const before = Object.getOwnPropertyDescriptor(stream, 'write')
  Object.defineProperty(stream, 'write', { value: diverted, configurable: true, writable: true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(stream, 'write')
    else Object.defineProperty(stream, 'write', before)
  }
}
