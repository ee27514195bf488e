import { RekeyError } from '@rekey/core'
import type { ConnectionInternals } from './driver.ts'
import { refusalOf } from './refusal.ts'

/** What the server says where it wants the password itself, by caching_sha2_password: it has not seen it before. */
const wantsPassword = Buffer.from([1, 4])
const beginsKey = Buffer.from([1, ...Buffer.from('-----BEGIN')])

type Explain = (error: Error | null) => Error | null

/**
 * Watches a login by caching_sha2_password. Over an open socket the password needs the server's key; a server that has
 * none answers as to a wrong password, so what is wrong can only be told from what came before.
 *
 * @returns What to call when it is over: it makes of its error one that says what to enable.
 */
export function watchLogin({ config, stream }: ConnectionInternals): Explain {
  if (config.ssl || config.socketPath) return (error) => error
  let isAsked = false
  let hasKey = false
  const listen = (chunk: Buffer): void => {
    isAsked ||= chunk.subarray(-2).equals(wantsPassword)
    hasKey ||= chunk.subarray(4, 4 + beginsKey.length).equals(beginsKey)
  }
  stream.on('data', listen)
  return (error) => {
    stream.off('data', listen)
    const isRefused = error !== null && refusalOf(error) !== undefined
    return isRefused && isAsked && !hasKey ? noSecureChannel(error) : error
  }
}

function noSecureChannel(cause: Error): RekeyError {
  const allowed =
    'one of three: ssl, with TLS at the server; socketPath, its unix socket; or a key pair at the server ' +
    '(caching_sha2_password_auto_generate_rsa_keys)'
  return new RekeyError(
    'ERR_REKEY_OPTION',
    `The account logs in by caching_sha2_password, and there is no secure way for its password; enable ${allowed}.`,
    { option: 'ssl', given: 'a socket without TLS, to a server without a key', allowed, cause },
  )
}
