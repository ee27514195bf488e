import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { onTestFinished } from 'vitest'
import type { Messages } from '../src/index.ts'

/** Collects what a channel carries until the test ends. */
export function listen<Name extends keyof Messages>(name: Name): Messages[Name][] {
  const messages: Messages[Name][] = []
  const hear = (message: unknown): void => {
    messages.push(message as Messages[Name])
  }
  subscribe(name, hear)
  onTestFinished(() => void unsubscribe(name, hear))
  return messages
}

export const channels: readonly (keyof Messages)[] = [
  'rekey:change',
  'rekey:refresh-error',
  'rekey:stale-answer',
  'rekey:candidate-refused',
  'rekey:verified',
  'rekey:drained',
  'rekey:stalled',
]

/** Collects the process warnings that rekey emits until the test ends. */
export function warnings(): Error[] {
  const heard: Error[] = []
  const hear = (warning: Error): void => {
    if (warning.name === 'RekeyWarning') heard.push(warning)
  }
  process.on('warning', hear)
  onTestFinished(() => void process.off('warning', hear))
  return heard
}

/** What a promise rejects with, once it does. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('this promise should have been rejected')
    },
    (error: unknown) => error,
  )
}
