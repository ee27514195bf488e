import { until } from './until.ts'

export interface Flood {
  readonly calls: Promise<unknown>[]
  readonly failures: unknown[]
}

/**
 * 500 callers a second for a while, by the real clock; a slow machine takes longer until enough of them have come. Who has no
 * answer by then still waits.
 */
export async function flood(
  pool: { query(sql: string): Promise<unknown> },
  seconds: number,
  isEnough: () => boolean = () => true,
): Promise<Flood> {
  const failures: unknown[] = []
  const calls: Promise<unknown>[] = []
  const start = performance.now()
  await until('the last call', () => {
    const elapsed = performance.now() - start
    while (calls.length < elapsed / 2) {
      calls.push(pool.query('SELECT 1').catch((error: unknown) => failures.push(error)))
    }
    return elapsed >= seconds * 1_000 && isEnough()
  })
  return { calls, failures }
}
