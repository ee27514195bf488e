import type { Workload } from '@rekey/drill'
import { sequelizeRotation } from '@rekey/pg/sequelize'
import { QueryTypes, Sequelize } from 'sequelize'
import { accounts, server } from './shop.ts'

const { max, rotation, ...address } = server
// An old connection that nobody takes leaves when it has been idle for so long.
const pool = { max, idle: 500, evict: 100 }
const options = { dialect: 'postgres', ...address, logging: false, pool } as const

export const sequelizeShop: Workload<Sequelize> = {
  ...accounts,
  open: (credentials) => new Sequelize(sequelizeRotation(credentials, options, rotation)),
  async work(sequelize) {
    const text = 'SELECT session_user AS user'
    const rows = await sequelize.query<{ user: string }>(text, { type: QueryTypes.SELECT })
    return rows[0]?.user
  },
  close: (sequelize) => sequelize.close(),
}
