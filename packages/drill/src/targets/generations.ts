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
