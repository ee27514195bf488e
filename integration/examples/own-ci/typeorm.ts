import type { Workload } from '@rekey/drill'
import { rotatingPg } from '@rekey/pg'
import { DataSource } from 'typeorm'
import { accounts, server } from './shop.ts'

const { max, rotation, ...address } = server

export const typeormShop: Workload<DataSource> = {
  ...accounts,
  open: (credentials) =>
    new DataSource({
      type: 'postgres',
      driver: rotatingPg(credentials),
      ...address,
      poolSize: max,
      extra: { rotation },
    }).initialize(),
  async work(source) {
    const [row] = await source.query<{ user: string }[]>('SELECT session_user AS user')
    return row?.user
  },
  close: (source) => source.destroy(),
}
