import type { Clock } from '@rekey/core'
import { setUp, Stage, type ServerAccess } from '../contract/stage.ts'
import { connectMariadb } from '../servers/mariadb.ts'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'
import type { DualPasswords, Place } from '../servers/server.ts'
import { until } from '../until.ts'

// A packet that is COM_QUIT and nothing else.
const goodbye = Buffer.from([1, 0, 0, 0, 1])

export const mysql: ServerAccess = {
  connectServer: async () => connectMysql(await serverAddress('mysql')),
  isGoodbye: (chunk) => chunk.equals(goodbye),
}

export const mariadb: ServerAccess = {
  ...mysql,
  connectServer: async () => connectMariadb(await serverAddress('mariadb')),
}

/** The same with one account that has two passwords. */
export function withOneAccount(access: ServerAccess): ServerAccess {
  return {
    ...access,
    retain: (place, account) => (place as Place & DualPasswords).retain(account),
  }
}

/** A stage on MySQL, whose accounts may have this many sessions each. */
export async function openStage({
  sessions = 4,
  clock,
}: { sessions?: number; clock?: Clock } = {}): Promise<Stage> {
  return new Stage(await setUp(mysql, sessions), clock)
}

/** Waits until every connection has gone over to what is published. */
export async function goneOver(pool: { drained(): Promise<void> }): Promise<void> {
  let isDrained = false
  void pool.drained().then(() => (isDrained = true))
  await until('the rotation to be over', () => isDrained)
}
