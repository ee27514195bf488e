import { replaceMembers } from '@rekey/core'
import type pg from 'pg'
import type { ClientInternals } from './driver.ts'

/**
 * For a client that a rotation is about to have ended: what was still under way when it was given back is finished first.
 * The driver's own `end` cuts off a statement that is under way.
 */
export function finishFirst(client: pg.Client): void {
  const driver = client as unknown as ClientInternals
  const { end } = driver
  replaceMembers(driver, {
    end: (callback) =>
      isAtWork(driver) ? endAfterWork(driver, callback) : end.call(driver, callback),
  })
}

function isAtWork(driver: ClientInternals): boolean {
  if (driver._ended || !driver._queryable) return false
  return Boolean(driver._getActiveQuery()) || driver._queryQueue.length > 0
}

function endAfterWork(
  driver: ClientInternals,
  callback: (() => void) | undefined,
): Promise<void> | void {
  const { connection } = driver
  driver._ending = true
  driver.once('drain', () => connection.end())
  if (callback) connection.once('end', callback)
  else return new driver._Promise((resolve) => connection.once('end', resolve))
}
