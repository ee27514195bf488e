import type { DrillEvent } from '../events.ts'
import { grouped } from '../report.ts'
import { milliseconds } from '../table.ts'
import { sessionsOf } from '../timeline.ts'
import type { ViewPalette } from './palette.ts'

export type Progress = Extract<DrillEvent, { type: 'progress' }>

/** What a frame shows. */
export interface Moment {
  /** What was told in the last second or so, the newest last. */
  readonly recent: readonly [Progress, ...Progress[]]
  /** The pool's ceiling. */
  readonly max: number
  /** Of the terminal. */
  readonly columns: number
}

/** For generations in turn, so that they can be told apart without colour, too. */
const blocks = ['█', '▓', '▒', '░']

const widestBar = 40
const gap = '   '

/** The lines of the view, none of them wider than the terminal. */
export function frame({ recent, max, columns }: Moment, palette: ViewPalette): string {
  const last = recent.at(-1) ?? recent[0]
  const { pool, rotation, rotations, phase, started, settled, failed } = last
  const { p50, p99 } = latencyOf(recent)
  const lines = [
    fitted(columns, [
      plain(`${pool} ${rotation}/${rotations}`),
      { text: `${grouped(failed)} failed`, style: failed > 0 ? palette.bad : palette.good },
      { text: phase, style: palette.quiet },
      plain(`${grouped(started - settled)} open`),
      plain(`${grouped(settled)} settled`),
    ]),
    fitted(columns, [
      plain(`${grouped(rateOf(recent))}/s`),
      plain(`p99 ${milliseconds(p99)}`),
      plain(`p50 ${milliseconds(p50)}`),
    ]),
    bar(last, max, columns, palette),
    generations(last, columns, palette),
  ]
  return lines.join('\n')
}

interface Part {
  readonly text: string
  readonly style: (text: string) => string
}

function plain(text: string): Part {
  return { text, style: (same) => same }
}

/** As many parts as there is room for, the first of them at any rate. */
function fitted(columns: number, parts: readonly Part[]): string {
  let room = columns
  let line = ''
  for (const { text, style } of parts) {
    const before = line === '' ? '' : gap
    const shown = line === '' ? text.slice(0, columns) : text
    if (before.length + shown.length > room) break
    room -= before.length + shown.length
    line += before + style(shown)
  }
  return line
}

/** The sessions of each generation, one after the other, and what is free up to the ceiling. */
function bar(progress: Progress, max: number, columns: number, palette: ViewPalette): string {
  const total = sessionsOf(progress)
  const legend = ` ${total} of ${max}`
  const width = Math.max(1, Math.min(widestBar, columns - legend.length))
  const most = Math.max(max, total)
  let count = 0
  let filled = 0
  let line = ''
  for (const [generation, sessions] of inOrder(progress)) {
    count += sessions
    const cells = Math.round((count / most) * width) - filled
    filled += cells
    const inTurn = generation % blocks.length
    line += styleOf(generation, palette)((blocks[inTurn] ?? '').repeat(cells))
  }
  const style = total > max ? palette.bad : palette.quiet
  return line + palette.quiet('·'.repeat(width - filled)) + style(legend.slice(0, columns - width))
}

function generations(progress: Progress, columns: number, palette: ViewPalette): string {
  const parts = inOrder(progress).map(([generation, sessions]) => {
    const block = blocks[generation % blocks.length]
    return {
      text: `${block} generation ${generation}: ${sessions}`,
      style: styleOf(generation, palette),
    }
  })
  return fitted(columns, parts)
}

function inOrder({ generations: counts }: Progress): [generation: number, sessions: number][] {
  return [...counts].filter(([, sessions]) => sessions > 0).toSorted(([a], [b]) => a - b)
}

function styleOf(
  generation: number,
  { generations: styles }: ViewPalette,
): (text: string) => string {
  return styles[generation % styles.length] ?? ((text) => text)
}

/** Requests settled per second. */
function rateOf(recent: Moment['recent']): number {
  const last = recent.at(-1) ?? recent[0]
  const seconds = (last.atMs - recent[0].atMs) / 1000
  return seconds > 0 ? Math.round((last.settled - recent[0].settled) / seconds) : 0
}

/** The middle p50 and the worst p99 of the last second: the very last ones would jump about. */
function latencyOf(recent: Moment['recent']): { p50: number | null; p99: number | null } {
  const p50s = recent.flatMap(({ latencyMs: { p50 } }) => p50 ?? []).toSorted((a, b) => a - b)
  const p99s = recent.flatMap(({ latencyMs: { p99 } }) => p99 ?? [])
  return {
    p50: p50s[Math.floor(p50s.length / 2)] ?? null,
    p99: p99s.length === 0 ? null : Math.max(...p99s),
  }
}
