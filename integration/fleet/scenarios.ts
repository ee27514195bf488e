import type { Scenario } from './simulate.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** One day of a fleet of 10,000 on the timings of a store with alternating users: a TTL and a spread of 5 minutes. */
const day: Scenario = {
  processes: 10_000,
  duration: 24 * hour,
  ttl: 5 * minute,
  jitter: 0.1,
  startedOver: 10 * minute,
  pool: { connections: 10, spread: 5 * minute },
}

export const outage = { from: 12 * hour, until: 12 * hour + 10 * minute }
export const rotatedAt = 12 * hour

export const scenarios = {
  'started at once': { ...day, startedOver: 0 },
  'started in a rolling deploy': day,
  'store down for 10 minutes': { ...day, outage },
  'rotation, polled': { ...day, rotations: [{ at: rotatedAt }] },
  'rotation, pushed': { ...day, rotations: [{ at: rotatedAt, push: 2 * second }] },
} satisfies Record<string, Scenario>
