import { createLogUpdate } from 'log-update'
import type { DrillEvent } from '../events.ts'
import { frame, type Progress } from './frame.ts'
import type { ViewPalette } from './palette.ts'

/** So many reports of progress are about a second. */
const mostRecent = 11

/** The lower part of a terminal, in which a drill is shown as it goes; above it stays what was said. */
export class LiveView {
  readonly #output: NodeJS.WriteStream
  readonly #palette: ViewPalette
  readonly #update: ReturnType<typeof createLogUpdate>
  #recent: Progress[] = []
  #max = 0

  constructor(output: NodeJS.WriteStream, palette: ViewPalette) {
    this.#output = output
    this.#palette = palette
    this.#update = createLogUpdate(output)
  }

  add(event: DrillEvent): void {
    if (event.type === 'began') {
      this.#max = event.max
      this.#recent = []
    } else if (event.type === 'progress') {
      this.#recent = [...this.#recent, event].slice(-mostRecent)
      this.#draw()
    }
  }

  /** Says something that stays. */
  say(line: string): void {
    this.#update.persist(line)
    this.#draw()
  }

  /** Takes the view away. */
  clear(): void {
    this.#recent = []
    this.#update.clear()
    this.#update.done()
  }

  #draw(): void {
    const [first, ...rest] = this.#recent
    if (first === undefined) return
    const { columns } = this.#output
    this.#update(frame({ recent: [first, ...rest], max: this.#max, columns }, this.#palette))
  }
}
