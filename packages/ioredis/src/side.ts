import type { Login, OpenOutcome } from '@rekey/core'
import type { RedisOptions } from 'ioredis'
import { attach } from './attach.ts'
import { withoutOurs } from './connector.ts'
import { DriverClient, type RedisInternals } from './driver.ts'
import type { Group } from './group.ts'
import { refusalOf } from './refusal.ts'

/** Another connection as this client would make it, for one login. */
export function openBeside(
  client: RedisInternals,
  group: Group,
  startLogin: () => Login,
  done: (outcome: OpenOutcome, side: RedisInternals) => void,
): void {
  const Connector = withoutOurs(client.options.Connector)
  const own: RedisOptions & { credentials?: undefined } = {
    ...client.options,
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
  side.on('error', (error) => (failure = error))
  attach(side, group, startLogin)
  const failed = (): void => done(refusalOf(failure) === undefined ? 'failed' : 'refused', side)
  side
    .connect()
    .then(() => group.sessionOf(side)?.opening.isThrough)
    .then((isThrough) => (isThrough ? done('opened', side) : failed()), failed)
}

/** Proves the newest credentials by a login that nobody uses. */
export function prove(
  client: RedisInternals,
  group: Group,
  startLogin: () => Login,
  done: (outcome: OpenOutcome) => void,
): void {
  openBeside(client, group, startLogin, (outcome, side) => {
    side.disconnect()
    done(outcome)
  })
}
