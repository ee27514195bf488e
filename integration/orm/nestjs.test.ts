import { NestFactory } from '@nestjs/core'
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm'
import type { CredentialsCache } from '@rekey/core'
import { rotatingPg } from '@rekey/pg'
import { DataSource } from 'typeorm'
import { expect, test } from 'vitest'
import { CREDENTIALS, RekeyModule } from '../examples/nestjs/rekey-module.ts'
import { openStage } from '../pg/stage.ts'
import type { Opening, Service } from './library.ts'
import { rotatesOnPostgres } from './postgres.ts'
import { entities, typeormService } from './typeorm-service.ts'

// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class
class App {}

type Configure = (credentials: CredentialsCache) => TypeOrmModuleOptions

async function serviceOn({ credentials }: Opening, useFactory: Configure): Promise<Service> {
  const app = await NestFactory.createApplicationContext(
    {
      module: App,
      imports: [
        RekeyModule.forRootAsync({ useFactory: () => credentials }),
        TypeOrmModule.forRootAsync({ inject: [CREDENTIALS], useFactory }),
      ],
    },
    { logger: false },
  )
  return { ...typeormService(app.get(DataSource)), close: () => app.close() }
}

rotatesOnPostgres('NestJS with typeorm', {
  rekey(opening) {
    const { max, ...server } = opening.server
    return serviceOn(opening, (credentials) => ({
      type: 'postgres',
      driver: rotatingPg(credentials),
      ...server,
      poolSize: max,
      entities,
      extra: { rotation: { spread: 0 } },
    }))
  },
  plain(opening) {
    const { max, ...server } = opening.server
    const { user: username, password } = opening.account
    const login = { username, password, poolSize: max }
    return serviceOn(opening, () => ({ type: 'postgres', ...server, ...login, entities }))
  },
})

test('the cache of a NestJS application is closed with it', async () => {
  await using stage = await openStage()
  const useFactory = (): CredentialsCache => stage.credentials
  const imports = [RekeyModule.forRootAsync({ useFactory })]
  const app = await NestFactory.createApplicationContext(
    { module: App, imports },
    { logger: false },
  )
  await app.close()
  await expect(stage.credentials.get()).rejects.toMatchObject({ code: 'ERR_REKEY_CLOSED' })
})
