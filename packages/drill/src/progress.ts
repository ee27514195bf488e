import { clearLine, cursorTo } from 'node:readline'
import type { DrillEvent } from './events.ts'
import { grouped } from './report.ts'

/** Shows a drill while it runs: a line for each rotation, and on a terminal below them one line that lives. */
export class Progress {
  readonly #output: NodeJS.WriteStream

  constructor(output: NodeJS.WriteStream) {
    this.#output = output
  }

  show(event: DrillEvent): void {
    if (event.type === 'progress') return this.#live(event)
    const line = lineOf(event)
    if (line === undefined) return
    this.clear()
    this.#output.write(`${line}\n`)
  }

  /** Takes the living line away. */
  clear(): void {
    if (!this.#output.isTTY) return
    cursorTo(this.#output, 0)
    clearLine(this.#output, 0)
  }

  #live(event: Extract<DrillEvent, { type: 'progress' }>): void {
    if (!this.#output.isTTY) return
    const sessions = [...event.sessions.values()].join(' + ') || '0'
    const line =
      `${event.pool.padEnd(5)} ${event.rotation}/${event.rotations} ${event.phase.padEnd(9)} ` +
      `${sessions.padEnd(7)} sessions  ${grouped(event.settled)} of ${grouped(event.started)} requests  ` +
      `${event.failed} failed`
    this.clear()
    this.#output.write(line.slice(0, (this.#output.columns ?? 80) - 1))
  }
}

function lineOf(event: Exclude<DrillEvent, { type: 'progress' }>): string | undefined {
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
    case 'rotating':
    case 'ended':
      return undefined
    default:
      return event satisfies never
  }
}
