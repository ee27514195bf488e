import type { LookupFunction } from 'node:net'
import type { RedisOptions } from 'ioredis'
import type { Stream } from './driver.ts'

/**
 * A client's options for another connection to the very server that it talks to. A name may lead to several, and
 * sentinels to any of the replicas: what one of them tells its subscribers is not what another does at that moment.
 */
export function onSameNode(options: RedisOptions, stream: Stream | undefined): RedisOptions {
  const { remoteAddress: address, remotePort: port, remoteFamily } = stream ?? {}
  // Over a unix socket there is one only.
  if (address === undefined || port === undefined) return options
  const direct = { ...options, host: address, port, sentinels: undefined }
  const { tls } = options
  const isTls = tls && (!options.sentinels || options.enableTLSForSentinelMode)
  if (!isTls) return { ...direct, tls: undefined }
  // The certificate is for the name.
  const lookup: LookupFunction = (_, { all }, done) => {
    const family = remoteFamily === 'IPv6' ? 6 : 4
    if (all) done(null, [{ address, family }])
    else done(null, address, family)
  }
  const host = options.sentinels ? (nameOf(stream) ?? address) : options.host
  return { ...direct, host, tls: { ...tls, lookup } }
}

/** The name that was looked up for a socket. */
function nameOf(stream: Stream | undefined): string | undefined {
  return (stream as { _host?: string | null } | undefined)?._host ?? undefined
}
