import type { FreshRead } from './fresh-read.ts'
import type { Holdings } from './growth.ts'
import type { Peer } from './node-redis.ts'
import type { Overhead, Ratio } from './overhead.ts'
import type { Result, Span } from './rotation-latency.ts'
import type { Contender } from './rotation-plans.ts'
import { table } from './table.ts'

export function overheadReport(results: readonly Overhead[]): string {
  return [
    'A pool at rest, times the stock pool (target: at most 1.03; in brackets the middle half of all rounds)',
    table(
      ['', 'with credentials', 'without', 'stock against itself', 'stock takes'],
      results.map(({ work, withCredentials, without, again, stock }) => [
        work,
        around(withCredentials),
        around(without),
        around(again),
        stock < 10_000 ? `${stock.toFixed(0)} ns` : `${(stock / 1000).toFixed(0)} µs`,
      ]),
    ),
  ].join('\n')
}

export function freshReadReport(results: readonly FreshRead[]): string {
  return [
    'Reading the current credentials (target: at most 2 times a property, and no allocation)',
    table(
      ['', 'times a property', 'bytes per read'],
      results.map(({ what, ratio, bytesPerRead }) => [
        what,
        ratio.toFixed(2),
        bytesPerRead.toFixed(1),
      ]),
    ),
  ].join('\n')
}

export function peersReport(peers: readonly Peer[]): string {
  return [
    'Rotations of one client; after each the sessions of the old user are killed. Subscribers: 10 rotations under messages',
    table(
      [
        '',
        'RESP2: lost',
        'doubled',
        'still old',
        'RESP3: lost',
        'doubled',
        'still old',
        'AUTHs per rotation, after 3 reconnects',
        'replies of EXEC to 1 command',
      ],
      peers.map(({ name, subscribers, auths, replies }) => [
        name,
        ...subscribers.flatMap(({ sent, lost, doubled, old }) => [
          `${lost} of ${sent}`,
          String(doubled),
          String(old),
        ]),
        String(auths),
        String(replies),
      ]),
    ),
  ].join('\n')
}

/** A result of the comparison, and what was compared. */
export type RotationRow = Pick<Contender, 'name' | 'plan'> & { readonly result: Result }

export function rotationReport(rows: readonly RotationRow[], overlap: number): string {
  const [{ plan } = { plan: undefined }] = rows
  if (plan === undefined) return ''
  return [
    `A rotation under load: pool of ${plan.max}, ${plan.rate} starts/s, every tenth a transaction of 20 ms; short queries, from`,
    'their scheduled starts; rotating / steady p99 (options mutated rotates nothing, it shows the noise). Default pace:',
    `that of an overlap of ${seconds(overlap)}. The last two rows have half of the load, and as much is on a stock pool at rest beside`,
    'them: its p99 of the same seconds is what theirs is compared with (target at the default pace: at most 1.2).',
    table(
      [
        '',
        'drained after',
        'p99 until drained',
        'of the pool beside',
        ...plan.windows.map((length) => `first ${seconds(length)}`),
        'worst (of steady)',
        'steady p99',
        'failed',
        'peak of max',
        'old left',
      ],
      rows.map(({ name, result }) => [
        name,
        result.drainedAfter === undefined ? 'not told' : seconds(result.drainedAfter),
        compare(result.untilDrained, result.steady),
        compare(result.untilDrained, result.besideUntilDrained),
        ...result.windows.map((span) => compare(span, result.steady)),
        `${result.whole.worst.toFixed(1)} ms (${(result.whole.worst / result.steady.worst).toFixed(1)})`,
        `${result.steady.p99.toFixed(2)} ms`,
        String(result.failed + result.unsettled),
        `${result.peakSessions} of ${result.maxSessions}`,
        String(result.oldSessionsAtEnd),
      ]),
    ),
  ].join('\n')
}

export function growthReport(results: readonly Holdings[]): string {
  return [
    'What is held after so many rotations (target: no growth)',
    table(
      [
        'rotations',
        'heap',
        'timers',
        'listeners',
        'sockets',
        'sessions',
        'all that keeps the process alive',
      ],
      results.map(({ rotations, heap, timers, listeners, resources, sessions }) => [
        rotations.toLocaleString('en'),
        `${(heap / 2 ** 20).toFixed(2)} MiB`,
        String(timers),
        String(listeners),
        String(resources['TCPSocketWrap'] ?? 0),
        String(sessions),
        Object.entries(resources)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', '),
      ]),
    ),
  ].join('\n')
}

function around({ median, from, to }: Ratio): string {
  return `${median.toFixed(3)} (${from.toFixed(2)}–${to.toFixed(2)})`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

// A p99 of fewer requests is the luck of a few of them.
const enough = 500

function compare(span: Span | undefined, usual: Span | undefined): string {
  if (span === undefined || usual === undefined || span.requests < enough) return '–'
  return (span.p99 / usual.p99).toFixed(2)
}
