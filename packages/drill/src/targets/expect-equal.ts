/** @throws if a unit of work read something else than it should have. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) {
    throw new Error(`${what} was ${String(actual)} instead of ${String(expected)}`)
  }
}
