import { constants } from 'node:os'
import { invalid, text } from '../../options.ts'
import type { Channel } from '../notified-by.ts'

/**
 * Wakes at a signal to this process, as daemons are told to read their settings again. While it listens, the signal does
 * not end the process, as SIGHUP would.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a name that is missing, or that no signal has which can be heard.
 */
export function signalChannel(name: NodeJS.Signals): Channel {
  const allowed = "a signal's name, for example SIGHUP"
  text('name', name, allowed)
  const isDeaf = name === 'SIGKILL' || name === 'SIGSTOP'
  if (!Object.hasOwn(constants.signals, name) || isDeaf) throw invalid('name', name, allowed)
  return (wake, { signal }) => {
    const heard = (): void => wake()
    process.on(name, heard)
    signal.addEventListener('abort', () => process.off(name, heard), { once: true })
  }
}
