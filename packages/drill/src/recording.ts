import type { DrillEvent } from './events.ts'
import type { RunReport } from './report.ts'
import { Timeline } from './timeline.ts'

/** A run and what it was like over time. */
export interface RecordedRun {
  run: RunReport
  timeline: Timeline
}

/**
 * Keeps what a drill tells while it runs, for `page`. Its memory is bounded, however long the drill is.
 *
 * @example
 * const recording = new Recording()
 * await drill({ onEvent: (event) => recording.add(event) })
 */
export class Recording {
  /** The runs that have ended, in their order. */
  readonly runs: RecordedRun[] = []
  #timeline: Timeline = new Timeline()

  add(event: DrillEvent): void {
    if (event.type === 'began') this.#timeline = new Timeline()
    if (event.type === 'ended') this.runs.push({ run: event.run, timeline: this.#timeline })
    else this.#timeline.add(event)
  }
}
