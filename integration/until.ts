import { setTimeout as sleep } from 'node:timers/promises'

// Where a test is to fail, nobody should wait long for it.
const patience = Number(process.env['REKEY_TEST_PATIENCE'] ?? 30_000)

/**
 * Waits until something is so: looks every few milliseconds, and fails with what it waited for after a deadline that
 * only a broken test reaches.
 */
export async function until<Value>(
  what: string,
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  deadline = patience,
): Promise<Value> {
  const end = performance.now() + deadline
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    if (performance.now() > end) throw new Error(`Waited ${deadline} ms for ${what}.`)
    await sleep(5)
  }
}

/** Waits for a promise, and fails with what it stands for where it is still open after that deadline. */
export async function inTime<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Waited ${patience} ms for ${what}.`)), patience)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
