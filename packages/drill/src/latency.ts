import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** Milliseconds; `null` where nothing was measured. */
export interface LatencySummary {
  p50: number | null
  p99: number | null
  max: number | null
}

/**
 * What the pool is going through: nothing; a rotation, from publishing until it says that it is drained; or more callers
 * than it has connections, when a request waits for the callers before it and its time says nothing of a rotation.
 */
export type Phase = 'steady' | 'rotating' | 'saturated'

const hour = 3_600_000_000

/** The latencies of each phase, in HDR histograms: 3 significant digits from a microsecond to an hour. */
export class Latency {
  readonly #histograms: Record<Phase, RecordableHistogram> = {
    steady: createHistogram({ lowest: 1, highest: hour, figures: 3 }),
    rotating: createHistogram({ lowest: 1, highest: hour, figures: 3 }),
    saturated: createHistogram({ lowest: 1, highest: hour, figures: 3 }),
  }

  record(phase: Phase, milliseconds: number): void {
    this.#histograms[phase].record(Math.min(hour, Math.max(1, Math.round(milliseconds * 1000))))
  }

  summary(phase: Phase): LatencySummary {
    const histogram = this.#histograms[phase]
    if (histogram.count === 0) return { p50: null, p99: null, max: null }
    const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)]
    return { p50: p50 / 1000, p99: p99 / 1000, max: histogram.max / 1000 }
  }
}

/** A request belongs to the more eventful of the phases that it began and ended in. */
export function phaseOf(begun: Phase, ended: Phase): Phase {
  for (const phase of ['saturated', 'rotating'] as const) {
    if (begun === phase || ended === phase) return phase
  }
  return 'steady'
}
