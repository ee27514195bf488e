import { RekeyError } from '@rekey/core'
import { commandOf } from './driver.ts'
import type { Group } from './group.ts'
import { isBehind } from './renew.ts'
import type { Session } from './session.ts'
import { openBeside } from './side.ts'

/**
 * Has the server end the read that a connection blocks in. It would not hear of it on that connection: another one is
 * opened beside it. The read fails with the server's own error, and has taken nothing.
 */
export function unblock(session: Session, group: Group): void {
  const { credentials } = session
  const newest = group.credentials.current
  if (session.blocked === 0 || newest === undefined) return
  if (!isBehind(session, group, newest)) return session.belongsTo(newest)
  openBeside(session, group, 'caller', (outcome, side) => {
    const end = async (): Promise<void> => {
      if (outcome !== 'opened') return
      const id = await session.id
      // Its answer may have come meanwhile, and the next read be one with the new credentials.
      if (session.blocked === 0 || session.credentials !== credentials) return
      if (id === undefined) throw new Error('the number of its connection is not known')
      await group.sessionOf(side)?.send(commandOf('client', ['UNBLOCK', id, 'ERROR']))
    }
    void end()
      .catch((error: unknown) => session.redis.silentEmit('error', impossible(error)))
      .finally(() => side.disconnect())
  })
}

function impossible(cause: unknown): RekeyError {
  const allowed = 'CLIENT ID and CLIENT UNBLOCK to both users'
  return new RekeyError(
    'ERR_REKEY_OPTION',
    `A blocking read cannot be ended at the drain deadline (${String(cause)}); allow ${allowed}.`,
    {
      option: 'rotation.atDrainDeadline',
      given: "'cancel' for a user who may do less",
      allowed,
      cause,
    },
  )
}
