import { text } from '../../options.ts'
import type { Channel } from '../notified-by.ts'

/**
 * Wakes at a signal to this process, as daemons are told to read their settings again. While it listens, the signal does
 * not end the process, as SIGHUP would.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a name that is missing.
 */
export function signalChannel(name: NodeJS.Signals): Channel {
  text('name', name, "a signal's name, for example SIGHUP")
  return (wake, { signal }) => {
    const heard = (): void => wake()
    process.on(name, heard)
    signal.addEventListener('abort', () => process.off(name, heard), { once: true })
  }
}
