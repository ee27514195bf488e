import type { DrillEvent } from './events.ts'
import { grouped } from './report.ts'
import { LiveView } from './view/live-view.ts'
import type { ViewPalette } from './view/palette.ts'

/** Shows a drill while it runs: a line for each rotation, and on a terminal below them a view that lives. */
export class Progress {
  readonly #output: NodeJS.WriteStream
  readonly #live: LiveView | undefined

  constructor(output: NodeJS.WriteStream, palette: ViewPalette) {
    this.#output = output
    if (output.isTTY) this.#live = new LiveView(output, palette)
  }

  show(event: DrillEvent): void {
    this.#live?.add(event)
    const line = lineOf(event)
    if (line === undefined) return
    if (this.#live === undefined) this.#output.write(`${line}\n`)
    else this.#live.say(line)
  }

  /** Takes away what lives. */
  clear(): void {
    this.#live?.clear()
  }
}

function lineOf(event: DrillEvent): string | undefined {
  switch (event.type) {
    case 'ready':
      return event.server
    case 'began':
      return `\n${event.pool}: ${event.rotations} ${event.rotations === 1 ? 'rotation' : 'rotations'}`
    case 'rotated': {
      const took = `${event.drained ? 'drained after' : 'not drained after'} ${Math.round(event.tookMs)} ms`
      return (
        `${event.pool.padEnd(6)} rotation ${String(event.rotation).padStart(2)} of ${event.rotations}: ${took}, ` +
        `${event.oldSessions} old sessions; ${grouped(event.settled)} requests, ${event.failed} failed`
      )
    }
    case 'settling':
      return event.open > 0
        ? `${event.pool.padEnd(6)} waiting for open requests: ${event.open}`
        : undefined
    case 'progress':
    case 'rotating':
    case 'ended':
      return undefined
    default:
      return event satisfies never
  }
}
