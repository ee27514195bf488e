import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Messages } from '@rekey/core'

const names = [
  'rekey:change',
  'rekey:refresh-error',
  'rekey:stale-answer',
  'rekey:candidate-refused',
  'rekey:verified',
  'rekey:drained',
  'rekey:stalled',
] as const satisfies (keyof Messages)[]

/** Everything that was said on the channels since {@link recordMessages}. */
export interface Recorded extends Disposable {
  of<Name extends keyof Messages>(name: Name): Messages[Name][]
  readonly all: readonly unknown[]
}

export function recordMessages(): Recorded {
  const said: { name: string; message: unknown }[] = []
  const listen = (message: unknown, name: string | symbol): void =>
    void said.push({ name: String(name), message })
  for (const name of names) subscribe(name, listen)
  return {
    of: <Name extends keyof Messages>(name: Name) =>
      said.filter((entry) => entry.name === name).map(({ message }) => message as Messages[Name]),
    get all() {
      return said
    },
    [Symbol.dispose]() {
      for (const name of names) unsubscribe(name, listen)
    },
  }
}
