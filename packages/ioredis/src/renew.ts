import type { Credentials, OpenOutcome } from '@rekey/core'
import { isSubscriber } from './driver.ts'
import type { Group } from './group.ts'
import { handOver } from './hand-over.ts'
import { mustLogIn } from './reauthenticate.ts'
import type { Session } from './session.ts'
import { proveBeside } from './side.ts'

/** Has an open connection go over to the newest credentials, in the way that it can. */
export function renew(session: Session, group: Group, done: (outcome: OpenOutcome) => void): void {
  const { logins } = session.rotation
  const newest = group.credentials.current
  if (newest === undefined) return done('failed')
  if (isBehind(session, group, newest)) {
    if (isSubscriber(session.redis)) return handOver(session, group, done)
    return session.authenticate(logins.start('probe'), done)
  }
  if (!logins.works(newest.version)) return void prove(session, group, done)
  session.belongsTo(newest)
  done('opened')
}

/**
 * Has another connection prove the newest credentials. One that does not have to log in again belongs to them
 * then. Answers how to give it up.
 */
export function prove(
  session: Session,
  group: Group,
  done: (outcome: OpenOutcome) => void,
): () => void {
  const newest = group.credentials.current
  return proveBeside(session, group, (outcome) => {
    const isProven = outcome === 'opened' && newest !== undefined
    if (isProven && !isBehind(session, group, newest)) session.belongsTo(newest)
    done(outcome)
  })
}

/** Whether a connection has to log in again to go over to the newest credentials. */
export function isBehind(session: Session, group: Group, newest: Credentials): boolean {
  const { credentials, options } = group
  return mustLogIn(session, newest, options.reauthenticate, credentials.clock.now())
}
