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

/** The latencies of each phase, and of now. */
export class Latency {
  readonly #phases: Record<Phase, RecordableHistogram> = {
    steady: histogram(),
    rotating: histogram(),
    saturated: histogram(),
  }
  readonly #recent: RecordableHistogram = histogram()

  record(phase: Phase, milliseconds: number): void {
    const microseconds = Math.min(hour, Math.max(1, Math.round(milliseconds * 1000)))
    this.#phases[phase].record(microseconds)
    this.#recent.record(microseconds)
  }

  summary(phase: Phase): LatencySummary {
    return summaryOf(this.#phases[phase])
  }

  /** Of all phases, since this was asked for the last time. */
  takeRecent(): LatencySummary {
    const recent = summaryOf(this.#recent)
    this.#recent.reset()
    return recent
  }
}

/** HDR: 3 significant digits from a microsecond to an hour. */
function histogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: hour, figures: 3 })
}

function summaryOf(latencies: RecordableHistogram): LatencySummary {
  if (latencies.count === 0) return { p50: null, p99: null, max: null }
  const [p50, p99] = [latencies.percentile(50), latencies.percentile(99)]
  return { p50: p50 / 1000, p99: p99 / 1000, max: latencies.max / 1000 }
}

/** The more eventful of the phases that something began and ended in. */
export function phaseOf(begun: Phase, ended: Phase): Phase {
  for (const phase of ['saturated', 'rotating'] as const) {
    if (begun === phase || ended === phase) return phase
  }
  return 'steady'
}
