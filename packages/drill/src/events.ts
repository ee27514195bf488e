import type { LatencySummary, Phase } from './latency.ts'
import type { RunReport } from './report.ts'
import type { PoolKind } from './targets/target.ts'

/** What a drill tells while it runs. */
export type DrillEvent =
  | { type: 'ready'; server: string }
  | {
      type: 'began'
      pool: PoolKind
      rotations: number
      /** The pool's ceiling. */
      max: number
    }
  | {
      /** About ten times a second. */
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
      /** Milliseconds since the load began. */
      atMs: number
      /** Of the short queries that have settled since the last progress. */
      latencyMs: LatencySummary
      /**
       * Sessions at the server when there were most of them since the last progress, by generation: the number of the
       * rotation that it came with, 0 for the one that the drill began with. They are told apart by their account; where that
       * may stay the same, by when they were first seen, or, in Redis and Valkey, where a session logs in anew, by the pool's word.
       */
      generations: ReadonlyMap<number, number>
      /**
       * Connections that were opened since the load began and have logged in; those of Redis may then do so anew, uncounted. Those
       * of a workload are what it says by `onLogin`.
       */
      logins: number
      /** How often the store has been asked since the load began. */
      storeRequests: number
    }
  | {
      /** New credentials are about to be published. */
      type: 'rotating'
      pool: PoolKind
      rotation: number
      /** Milliseconds since the load began. */
      atMs: number
    }
  | {
      type: 'rotated'
      pool: PoolKind
      rotation: number
      rotations: number
      /** When the pool said so, or was given up, in milliseconds since the load began. */
      atMs: number
      /** Milliseconds from publishing until the pool said that it was drained. */
      tookMs: number
      /** Whether it said so in time. */
      drained: boolean
      oldSessions: number
      settled: number
      failed: number
    }
  | {
      /** No request is started any more. */
      type: 'settling'
      pool: PoolKind
      open: number
      /** Milliseconds since the load began. */
      atMs: number
    }
  | { type: 'ended'; run: RunReport }
