import { rotatingPg } from '@rekey/pg'
import { DataSource } from 'typeorm'
import { expect, test } from 'vitest'
import { openStage } from '../pg/stage.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { typeorm } from './typeorm.ts'

typeorm({
  type: 'postgres',
  rotates: rotatesOnPostgres,
  openStage,
  driver: rotatingPg,
  elsewhere: { type: 'mysql', driver: 'rotatingMysql2 of @rekey/mysql2' },
})

test.each([
  ['a password', { password: 'secret' }, 'password'],
  ['a URL with one', { url: 'postgres://me:secret@db.internal/app' }, 'connectionString'],
])(
  'typeorm with %s beside the credentials fails before it connects',
  async (_what, beside, option) => {
    await using stage = await openStage()
    const driver = rotatingPg(stage.credentials)
    const source = new DataSource({ type: 'postgres', driver, ...stage.address, ...beside })
    await expect(source.initialize()).rejects.toMatchObject({ code: 'ERR_REKEY_CONFLICT', option })
  },
)
