import type { GenerationCounts } from '@rekey/core'

/** What a rotating pool's connections are doing, in one line. */
export function describeGenerations(generations: readonly GenerationCounts[]): string {
  return generations
    .map(
      ({ version, connecting, idle, lent, closing }) =>
        `version ${version}: ${connecting} connecting, ${idle} idle, ${lent} lent, ${closing} closing`,
    )
    .join('; ')
}

/** How many sessions there are of each version, those that are still connecting left out. */
export function sessionsByVersion(generations: readonly GenerationCounts[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { version, idle, lent, closing } of generations) {
    counts.set(version, (counts.get(version) ?? 0) + idle + lent + closing)
  }
  return counts
}
