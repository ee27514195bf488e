import type { Phase } from './latency.ts'
import type { RunReport } from './report.ts'
import type { PoolKind } from './targets/target.ts'

/** What a drill tells while it runs. */
export type DrillEvent =
  | { type: 'ready'; server: string }
  | { type: 'began'; pool: PoolKind; rotations: number }
  | {
      /** About four times a second. */
      type: 'progress'
      pool: PoolKind
      rotation: number
      rotations: number
      phase: Phase
      started: number
      settled: number
      failed: number
      /** Sessions at the server, by account. */
      sessions: ReadonlyMap<string, number>
    }
  | {
      type: 'rotated'
      pool: PoolKind
      rotation: number
      rotations: number
      /** Milliseconds from publishing until the pool said that it was drained. */
      tookMs: number
      /** Whether it said so in time. */
      drained: boolean
      oldSessions: number
      settled: number
      failed: number
    }
  | { type: 'settling'; pool: PoolKind; open: number }
  | { type: 'ended'; run: RunReport }
