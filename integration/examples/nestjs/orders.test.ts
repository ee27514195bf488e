import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NestFactory } from '@nestjs/core'
import type { CredentialsCache } from '@rekey/core'
import { expect, test } from 'vitest'
import { openStage } from '../../pg/stage.ts'
import { until } from '../../until.ts'
import { Orders, OrdersModule } from './orders.ts'
import { CREDENTIALS } from './rekey-module.ts'

test('a service of NestJS goes over to what its file says, and leaves nothing behind', async () => {
  await using stage = await openStage({ sessions: 10 })
  const folder = await mkdtemp(join(tmpdir(), 'rekey-nestjs-'))
  const credentialsFile = join(folder, 'database.json')
  await writeFile(credentialsFile, JSON.stringify(stage.account))
  const settings = { ...stage.address, credentialsFile }
  const app = await NestFactory.createApplicationContext(OrdersModule.forRoot(settings), {
    logger: false,
  })
  try {
    const orders = app.get(Orders)
    await orders.add('a book')
    const old = stage.account
    await writeFile(credentialsFile, JSON.stringify(await stage.renew()))
    await app.get<CredentialsCache>(CREDENTIALS).refresh({ urgent: true })
    await until('the old sessions to end', async () => {
      return (await stage.place.sessions(old.user)).length === 0
    })
    await stage.place.revoke(old)
    await orders.add('another book')
    expect((await orders.all()).map(({ item }) => item)).toEqual(['a book', 'another book'])
  } finally {
    await app.close()
    await rm(folder, { recursive: true })
  }
  await until('all sockets to close', () => stage.proxy.open === 0)
})
