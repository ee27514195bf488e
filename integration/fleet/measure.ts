import { timeOf } from './compare.ts'
import { outage, rotatedAt, scenarios } from './scenarios.ts'
import { rates, seeded, simulate, type Scenario } from './simulate.ts'

/** Seconds over which a rate is taken: of one second each, chance alone makes a peak of 1.7 times the mean. */
const bin = 10

export interface Measured {
  /** Questions per second that the fleet asks on average. */
  readonly mean: number
  /** The most, against the mean: from the start on, once all have started, during an outage, and in the hour after it. */
  readonly peaks: { starting: number; steady: number; down?: number; after?: number }
  /** Milliseconds until 50, 99 and 100 % have changed. */
  readonly changed?: readonly number[]
  /** Logins per second at the database: the most in the seconds of the push, and the most later. */
  readonly logins?: { readonly first: number; readonly later: number }
  /** Questions per second in the hour around noon, one number a minute. */
  readonly noon: readonly number[]
}

export function measure(scenario: Scenario): Measured {
  const { requests, logins, noticed } = simulate(scenario, seeded(20_261_125))
  const [changed] = noticed
  const { processes, ttl, jitter, startedOver } = scenario
  const mean = (processes / (ttl * (1 - jitter / 2))) * 1_000
  const binned = rates(requests, bin)
  const peak = (from: number, until: number): number =>
    Math.max(...binned.slice(Math.ceil(from / 1_000 / bin), until / 1_000 / bin)) / mean
  const started = startedOver + ttl
  const calm = scenario.outage?.from ?? scenario.rotations?.[0]?.at ?? scenario.duration
  const end = scenario.duration
  const noon = Math.floor(rotatedAt / 60_000)
  return {
    mean,
    peaks: {
      starting: peak(0, started),
      steady: peak(started, calm),
      ...(scenario.outage && {
        down: peak(outage.from, outage.until),
        after: peak(outage.until, end),
      }),
    },
    ...(changed && {
      changed: [0.5, 0.99, 1].map((share) => timeOf(share, changed)),
      logins: {
        first: Math.max(...logins.slice(rotatedAt / 1_000, rotatedAt / 1_000 + 5)),
        later: Math.max(...logins.slice(rotatedAt / 1_000 + 5)),
      },
    }),
    noon: rates(requests, 60).slice(noon - 15, noon + 45),
  }
}

export function measureAll(): Record<keyof typeof scenarios, Measured> {
  const all = Object.entries(scenarios).map(([name, scenario]) => [name, measure(scenario)])
  return Object.fromEntries(all) as Record<keyof typeof scenarios, Measured>
}
