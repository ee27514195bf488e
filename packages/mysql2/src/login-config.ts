import type { Credentials } from '@rekey/core'
import type { ConfigInternals } from './driver.ts'

/** Sets user and password of one snapshot. Whoever prints a connection does not print its password. */
export function logInWith(config: ConfigInternals, { user, password }: Credentials): void {
  config.user = user
  // The driver writes to it as well, where the server asks for a second factor.
  Object.defineProperty(config, 'password', {
    value: password.reveal(),
    configurable: true,
    writable: true,
    enumerable: false,
  })
}

/** A configuration of its own, as the driver copies it for each connection of a pool. */
export function copyOf(config: ConfigInternals): ConfigInternals {
  return Object.create(
    Object.getPrototypeOf(config) as object,
    Object.getOwnPropertyDescriptors(config),
  ) as ConfigInternals
}
