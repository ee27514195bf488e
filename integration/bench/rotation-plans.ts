import { endAndNew, evictIdle, mutateOptions, nothing, rekey, type Recipe } from './recipes.ts'
import type { Plan } from './rotation-latency.ts'

/** One row of the comparison. */
export interface Contender {
  readonly name: string
  readonly recipe: Recipe
  readonly plan: Plan
}

/**
 * Milliseconds that the previous credentials still log in. Of it the rotation derives a spread of 19 seconds, a
 * replacement every 0.94: the default pace of an operator in a great hurry, because a longer window only makes it gentler
 * and this run longer.
 */
export const overlap = 60_000

const load = { max: 20, rate: 400 } as const

/** The windows that all rows are compared in, from publishing on. */
const windows = [400, 1_000] as const

// Short windows see few requests each, so there are more of them.
const many: Plan = { ...load, windows, rotations: 5, steady: 1_000 }
// What slows a machine for a second or a minute slows the pool beside it, too.
const long: Plan = {
  ...load,
  rate: load.rate / 2,
  beside: true,
  windows,
  rotations: 4,
  steady: 3_000,
}

/** All of them together take four minutes and a quarter, each of the last two one and a half. */
export const contenders: readonly Contender[] = [
  { name: 'stock, options mutated', recipe: mutateOptions, plan: many },
  { name: 'stock, end and new', recipe: endAndNew, plan: many },
  { name: 'stock, evict all idle', recipe: evictIdle, plan: many },
  { name: 'rekey, no pause', recipe: rekey({ overlap, pause: 0 }), plan: many },
  { name: 'rekey, 100 ms', recipe: rekey({ overlap, pause: 100 }), plan: many },
  { name: 'stock, nothing rotates', recipe: nothing(18_700), plan: long },
  { name: 'rekey, default pace', recipe: rekey({ overlap }), plan: long },
]
