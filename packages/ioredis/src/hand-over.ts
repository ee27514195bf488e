import { RekeyError, type OpenOutcome } from '@rekey/core'
import { commandOf, isSubscriber, type CommandInternals, type RedisInternals } from './driver.ts'
import type { Group } from './group.ts'
import { listen, type Listening } from './listening.ts'
import { whenItCameIn } from './overlap.ts'
import type { Session } from './session.ts'
import { openBeside } from './side.ts'
import { stepInto } from './step-into.ts'

/**
 * Gives a subscriber another connection: one that may do nothing but subscribe cannot log in again. Another one
 * subscribes to the same, and when it is known which messages both have heard, it takes the first one's place between
 * two messages. None is lost, and none comes twice.
 */
export function handOver(
  session: Session,
  group: Group,
  done: (outcome: OpenOutcome) => void,
): void {
  openBeside(session, group, 'probe', (outcome, side) => {
    const successor = group.sessionOf(side)
    if (outcome !== 'opened' || successor === undefined) return done(outcome)
    const { clock, timings } = group.credentials
    const timer = clock.after(timings.loginDeadline, () => side.disconnect())
    void takeOver(session, successor)
      // Whatever it was, the first one is what it was.
      .catch((error: unknown) => {
        if (isForbidden(error)) session.redis.silentEmit('error', forbidden(error))
        return false
      })
      .then((isOver) => {
        timer.cancel()
        if (!isOver) side.disconnect()
        done(isOver ? 'opened' : 'failed')
      })
  })
}

function isForbidden(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith('NOPERM')
}

function forbidden(cause: Error): RekeyError {
  const allowed = 'PING, and all that the client has subscribed to, to both users'
  return new RekeyError(
    'ERR_REKEY_OPTION',
    `A subscriber cannot go over to the new credentials (${cause.message}); allow ${allowed}.`,
    { option: 'credentials', given: 'a user who may do less', allowed, cause },
  )
}

/** How often they are asked in one attempt. More than once only where messages look alike, or somebody subscribes meanwhile. */
const rounds = 20

async function takeOver(first: Session, second: Session): Promise<boolean> {
  // Node 22 knows no `using`.
  const [before, after] = [listen(first.redis), listen(second.redis)]
  try {
    return await takeOverBetween(first, second, before, after)
  } finally {
    after[Symbol.dispose]()
    before[Symbol.dispose]()
  }
}

async function takeOverBetween(
  first: Session,
  second: Session,
  before: Listening,
  after: Listening,
): Promise<boolean> {
  const [select, has] = [first, second].map(({ redis }) => redis.condition?.select ?? 0)
  if (select !== undefined && select !== has) await second.send(commandOf('select', [select]))
  let [atLeast, atMost] = [0, Infinity]
  for (let round = 0; round < rounds; round += 1) {
    if (round === 0 || difference(first.redis, second.redis).length > 0) {
      await subscribeAlike(first, second, before, after)
      atLeast = 0
      atMost = Infinity
    }
    // What one has heard already, the other one has heard when it answers a question that is asked now.
    const heardBySecond = after.messages.length
    atMost = Math.min(atMost, (await countUntil(first, before)) - heardBySecond)
    const heardByFirst = before.messages.length
    atLeast = Math.max(atLeast, heardByFirst - (await countUntil(second, after)))

    if (!first.isOpen || !isSubscriber(first.redis)) return false
    const heard = { before: before.messages, after: after.messages, atLeast, atMost }
    const [cameIn, ...others] = whenItCameIn(heard)
    if (cameIn === undefined) return false
    if (others.length > 0 || !isSettled(first, second)) continue
    // In one go from here on: nobody hears anything meanwhile.
    const heardTwice = before.messages.length - cameIn
    before[Symbol.dispose]()
    after[Symbol.dispose]()
    stepInto(first, second, after.messages, heardTwice)
    return true
  }
  return false
}

/** Has the second one subscribe to what the first one does, and both be listened to from the moments that count. */
async function subscribeAlike(
  first: Session,
  second: Session,
  before: Listening,
  after: Listening,
): Promise<void> {
  before.forget()
  // At once: there may be thousands, and all of it has to be over by the deadline.
  const sent = difference(first.redis, second.redis).map((command) =>
    second.send(command, () => after.forget()),
  )
  await Promise.all(sent)
}

/** How many messages it has heard when it hears the answer to a question that is asked now. */
async function countUntil(session: Session, { messages }: Listening): Promise<number> {
  let count = 0
  await session.send(commandOf('ping'), () => (count = messages.length))
  return count
}

/** Nothing is under way, and both have subscribed to the same. */
function isSettled(first: Session, second: Session): boolean {
  return first.redis.commandQueue.length === 0 && difference(first.redis, second.redis).length === 0
}

/** What the second one would have to send to have subscribed to the same. */
function difference(first: RedisInternals, second: RedisInternals): CommandInternals[] {
  return (['subscribe', 'psubscribe', 'ssubscribe'] as const).flatMap((name) => {
    const [wanted, had] = [first, second].map(
      ({ condition }) => new Set(condition?.subscriber ? condition.subscriber.channels(name) : []),
    ) as [Set<string>, Set<string>]
    const missing = [...wanted].filter((channel) => !had.has(channel))
    const extra = [...had].filter((channel) => !wanted.has(channel))
    // One by one: a cluster takes sharded channels of one slot at a time only.
    return [
      ...missing.map((channel) => commandOf(name, [channel])),
      ...extra.map((channel) => commandOf(name.replace('subscribe', 'unsubscribe'), [channel])),
    ]
  })
}
