import type { LoginPurpose, OpenOutcome } from '@rekey/core'
import type { RedisOptions } from 'ioredis'
import { attach } from './attach.ts'
import { withoutOurs } from './connector.ts'
import { DriverClient, type RedisInternals } from './driver.ts'
import type { Group } from './group.ts'
import { refusalOf } from './refusal.ts'
import { onSameNode } from './same-node.ts'
import type { Session } from './session.ts'

/** Another connection as a session's client would make it, to the same server, for one login. It is closed when the session is. */
export function openBeside(
  session: Session,
  group: Group,
  purpose: LoginPurpose,
  done: (outcome: OpenOutcome, side: RedisInternals) => void,
): RedisInternals {
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
  const failed = (): void => done(refusalOf(failure) === undefined ? 'failed' : 'refused', side)
  side
    .connect()
    .then(() => group.sessionOf(side)?.opening.isThrough)
    .then((isThrough) => (isThrough ? done('opened', side) : failed()), failed)
  return side
}

/** Proves the newest credentials by a login that nobody uses. Answers how to give it up. */
export function proveBeside(
  session: Session,
  group: Group,
  done: (outcome: OpenOutcome) => void,
): () => void {
  const side = openBeside(session, group, 'probe', (outcome) => {
    side.disconnect()
    done(outcome)
  })
  return () => {
    group.sessionOf(side)?.login.cancel()
    side.disconnect()
  }
}
