import type { Login, OpenOutcome } from '@rekey/core'
import { isSubscriber } from './driver.ts'
import type { Group } from './group.ts'
import { handOver } from './hand-over.ts'
import { mustLogIn } from './reauthenticate.ts'
import type { Session } from './session.ts'
import { prove } from './side.ts'

/** Has an open connection go over to the newest credentials, in the way that it can. */
export function renew(session: Session, group: Group, done: (outcome: OpenOutcome) => void): void {
  const { credentials, options } = group
  const { rotation } = session
  const newest = credentials.current
  if (newest === undefined) return done('failed')
  const startLogin = (): Login => rotation.logins.start('probe')
  if (mustLogIn(session, newest, options.reauthenticate, credentials.clock.now())) {
    if (isSubscriber(session.redis)) return handOver(session, group, startLogin, done)
    return session.authenticate(startLogin(), done)
  }
  const belongs = (): void => session.belongsTo(newest)
  if (rotation.logins.works(newest.version)) {
    belongs()
    return done('opened')
  }
  prove(session, group, startLogin, (outcome) => {
    if (outcome === 'opened') belongs()
    done(outcome)
  })
}
