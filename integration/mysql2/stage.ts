import type { ServerAccess } from '../contract/stage.ts'
import { connectMariadb } from '../servers/mariadb.ts'
import { connectMysql } from '../servers/mysql.ts'
import { serverAddress } from '../servers/on-demand.ts'

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
