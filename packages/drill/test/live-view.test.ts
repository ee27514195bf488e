import { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import xterm from '@xterm/headless'
import { expect, test } from 'vitest'
import type { DrillEvent } from '../src/events.ts'
import { Progress } from '../src/progress.ts'
import type { ViewPalette } from '../src/view/palette.ts'
import { aProgress, aRun } from './a-report.ts'

const same = (text: string): string => text
const plain: ViewPalette = { good: same, bad: same, quiet: same, generations: [same] }

/** A terminal of these dimensions, with what is written to it. */
class Terminal extends Writable {
  readonly isTTY: boolean = true
  readonly rows: number = 24
  readonly columns: number
  /** One for each time that something was written. */
  readonly writes: string[] = []
  readonly #terminal: xterm.Terminal

  constructor(columns: number) {
    super()
    this.columns = columns
    const options = { cols: columns, rows: this.rows, convertEol: true, allowProposedApi: true }
    this.#terminal = new xterm.Terminal(options)
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.writes.push(chunk.toString())
    this.#terminal.write(chunk)
    done()
  }

  /** What a person sees. */
  async screen(): Promise<string[]> {
    await new Promise<void>((resolve) => this.#terminal.write('', resolve))
    const { active } = this.#terminal.buffer
    const lines = Array.from({ length: active.length }, (_, line) => {
      return active.getLine(line)?.translateToString(true) ?? ''
    })
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
  }
}

function show(columns: number, palette = plain): { progress: Progress; terminal: Terminal } {
  const terminal = new Terminal(columns)
  const progress = new Progress(terminal as unknown as WriteStream, palette)
  progress.show({ type: 'began', pool: 'rekey', rotations: 10, max: 20 })
  return { progress, terminal }
}

const early = aProgress({ atMs: 1_000, settled: 400, started: 400, rotation: 3 })
const late = aProgress({
  ...{ atMs: 2_000, settled: 800, started: 812, rotation: 4, phase: 'rotating' },
  generations: new Map([
    [4, 12],
    [3, 8],
  ]),
})
const rotated: DrillEvent = {
  ...{ type: 'rotated', pool: 'rekey', rotation: 4, rotations: 10, tookMs: 913, drained: true },
  ...{ atMs: 2_100, oldSessions: 0, settled: 812, failed: 0 },
}

test('the view has rate, latency and a bar of the generations below the lines that stay', async () => {
  const { progress, terminal } = show(100)
  for (const event of [early, rotated, late]) progress.show(event)
  expect(await terminal.screen()).toEqual([
    '',
    'rekey: 10 rotations',
    'rekey  rotation  4 of 10: drained after 913 ms, 0 old sessions; 812 requests, 0 failed',
    'rekey 4/10   0 failed   rotating   12 open   800 settled',
    '400/s   p99 2.25 ms   p50 0.80 ms',
    `${'░'.repeat(16)}${'█'.repeat(24)} 20 of 20`,
    '░ generation 3: 8   █ generation 4: 12',
  ])
})

test('a narrow terminal has what there is room for, and nothing is left behind on it', async () => {
  const { progress, terminal } = show(24)
  for (let index = 0; index <= 30; index += 1) {
    const given = index % 2 === 0 ? late : early
    progress.show({ ...given, atMs: index * 100, settled: index * 40, started: index * 40 })
  }
  expect(await terminal.screen()).toEqual([
    '',
    'rekey: 10 rotations',
    'rekey 4/10   0 failed',
    '400/s   p99 2.25 ms',
    `${'░'.repeat(6)}${'█'.repeat(9)} 20 of 20`,
    '░ generation 3: 8',
  ])
})

test('a frame is written in one go, and only where it differs from the one before', () => {
  const { progress, terminal } = show(80)
  progress.show(early)
  const before = terminal.writes.length
  progress.show(early)
  expect(terminal.writes.length).toBe(before)
  progress.show(late)
  expect(terminal.writes.length).toBe(before + 1)
})

test('more sessions than the ceiling are seen, and so is a pool without any', async () => {
  const { progress, terminal } = show(60, { ...plain, bad: (text) => `!${text}` })
  progress.show(aProgress({ generations: new Map([[1, 25]]) }))
  expect((await terminal.screen()).at(-2)).toBe(`${'▓'.repeat(40)}! 25 of 20`)
  progress.show(aProgress({ generations: new Map() }))
  expect((await terminal.screen()).at(-1)).toBe(`${'·'.repeat(40)} 0 of 20`)
})

test('when the pool is done the view is gone, and what was said stays', async () => {
  const { progress, terminal } = show(80)
  progress.show(early)
  progress.show({ type: 'ended', run: aRun() })
  progress.clear()
  expect(await terminal.screen()).toEqual(['', 'rekey: 10 rotations'])
})

test('where there is no terminal there are only lines', () => {
  const output = new Terminal(80)
  Object.assign(output, { isTTY: false })
  const progress = new Progress(output as unknown as WriteStream, plain)
  progress.show({ type: 'began', pool: 'rekey', rotations: 1, max: 20 })
  for (const event of [early, late, rotated]) progress.show(event)
  progress.clear()
  expect(output.writes.join('')).toBe(
    '\nrekey: 1 rotation\n' +
      'rekey  rotation  4 of 10: drained after 913 ms, 0 old sessions; 812 requests, 0 failed\n',
  )
})
