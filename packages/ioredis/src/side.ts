import type { LoginPurpose, OpenOutcome } from '@rekey/core'
import type { RedisOptions } from 'ioredis'
import { attach } from './attach.ts'
import { withoutOurs } from './connector.ts'
import { DriverClient, type RedisInternals } from './driver.ts'
import type { Group } from './group.ts'
import { refusalOf } from './refusal.ts'
import { onSameNode } from './same-node.ts'
import type { Session } from './session.ts'

/**
 * Another connection as a session's client would make it, to the same server, for one login. It is closed when the session
 * is, and at the login deadline where it is not through by then. Answers how to give it up.
 */
export function openBeside(
  session: Session,
  group: Group,
  purpose: LoginPurpose,
  done: (outcome: OpenOutcome, side: RedisInternals) => void,
): () => void {
  const options = onSameNode(session.redis.options, session.stream)
  const Connector = withoutOurs(options.Connector)
  const own: RedisOptions & { credentials?: undefined } = {
    ...options,
    Connector: Connector as never,
    credentials: undefined,
    scripts: undefined,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    reconnectOnError: null,
    failoverDetector: false,
  }
  const side = new DriverClient(own)
  let failure: unknown
  // The first says why: a socket may be reset behind a refusal.
  side.on('error', (error) => (failure ??= error))
  attach(side, group, () => session.rotation.logins.start(purpose))
  session.beside = side
  const giveUp = (): void => {
    group.sessionOf(side)?.login.cancel()
    side.disconnect()
  }
  const { clock, timings } = group.credentials
  const deadline = clock.after(timings.loginDeadline, giveUp)
  const over = (isThrough = false): void => {
    deadline.cancel()
    const otherwise = refusalOf(failure) === undefined ? 'failed' : 'refused'
    done(isThrough ? 'opened' : otherwise, side)
  }
  side
    .connect()
    .then(() => group.sessionOf(side)?.opening.isThrough)
    .then(over, () => over())
  return giveUp
}

/** Proves the newest credentials by a login that nobody uses. Answers how to give it up. */
export function proveBeside(
  session: Session,
  group: Group,
  done: (outcome: OpenOutcome) => void,
): () => void {
  return openBeside(session, group, 'probe', (outcome, side) => {
    side.disconnect()
    done(outcome)
  })
}
