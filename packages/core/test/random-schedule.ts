import fc from 'fast-check'
import { runSchedule, type Operation, type Setting } from './rotation-schedule.ts'

const anyOf = <Value>(...values: Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values)
const which = fc.nat({ max: 5 })
const push = fc.boolean()
const shortWhile = anyOf(1, 3, 10, 100, 400)
const aWhile = anyOf(100, 1_000, 3_000, 8_000, 30_000)

/** Any setting; the first of each is the plainest. */
export const anySetting: fc.Arbitrary<Setting> = fc.record({
  max: fc.integer({ min: 1, max: 5 }),
  surge: anyOf(0, 0, 0, 1, 2),
  atOnce: anyOf(1, 1, 1, 2, 3),
  found: anyOf(0, 0, 0, 1, 3),
  idleTimeout: anyOf(undefined, undefined, 5_000, 20_000),
  overlap: anyOf(60_000, 60_000, 600_000, 0),
  versions: anyOf('number', 'name', 'issued', 'content'),
  random: anyOf(0.5, 0.2, 0.999),
  revokeDrained: anyOf(true, true, false),
  ending: anyOf('corrected', 'corrected', 'left'),
  urgentEnding: fc.boolean(),
})

const operation: fc.Arbitrary<Operation> = fc.oneof(
  weighs(12, 'acquire', {
    callers: anyOf(1, 1, 2, 4),
    timeout: anyOf(undefined, undefined, 5, 300, 2_000, 20_000),
  }),
  weighs(8, 'release', { which, error: anyOf(false, false, false, true) }),
  weighs(2, 'release all', {}),
  weighs(8, 'wait', { for: shortWhile }),
  weighs(4, 'wait', { for: aWhile }),
  weighs(6, 'rotate', {
    order: anyOf('together', 'together', 'ahead', 'behind'),
    gap: anyOf(0, 10, 1_000, 4_000, 20_000),
    push,
  }),
  weighs(2, 'publish bad', { locked: anyOf(false, false, false, true), push }),
  weighs(1, 'go back', { push }),
  weighs(1, 'push', {}),
  weighs(2, 'refresh', { urgent: fc.boolean() }),
  weighs(1, 'revoke', { back: fc.nat({ max: 2 }) }),
  weighs(1, 'allow', { back: fc.nat({ max: 2 }) }),
  weighs(1, 'unreachable', { for: aWhile }),
  weighs(1, 'hang', { for: aWhile }),
  weighs(1, 'slow dials', { take: anyOf(50, 2_000, 8_000), for: aWhile }),
  weighs(1, 'slow closes', { take: anyOf(50, 2_000, 20_000), for: aWhile }),
  weighs(2, 'die', { which }),
  weighs(1, 'all die', {}),
  weighs(2, 'store', { mood: anyOf('slow', 'down', 'silent', 'rubbish', 'lagging'), for: aWhile }),
  weighs(1, 'await drained', {}),
  weighs(1, 'end', {}),
)

type Details<Do extends Operation['do']> = Omit<Extract<Operation, { do: Do }>, 'do'>

function weighs<Do extends Operation['do']>(
  weight: number,
  what: Do,
  details: { [Key in keyof Details<Do>]: fc.Arbitrary<Details<Do>[Key]> },
): fc.WeightedArbitrary<Operation> {
  const arbitrary = fc.record({ do: fc.constant(what), ...details })
  return { weight, arbitrary: arbitrary as unknown as fc.Arbitrary<Operation> }
}

/** Any course of events. */
export const anySchedule: fc.Arbitrary<Operation[]> = fc.array(operation, {
  minLength: 5,
  maxLength: 60,
  size: 'max',
})

/** What is left of a schedule that fails when no operation can be left out any more. */
export async function smallest(
  setting: Setting,
  operations: readonly Operation[],
): Promise<readonly Operation[]> {
  for (const omitted of operations.keys()) {
    const fewer = operations.filter((_, index) => index !== omitted)
    if ((await runSchedule(setting, fewer)).length > 0) return smallest(setting, fewer)
  }
  return operations
}
