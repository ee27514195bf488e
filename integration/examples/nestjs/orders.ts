import type { DynamicModule } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { createCredentials, fromFile, type CredentialsCache } from '@rekey/core'
import { rotatingPg } from '@rekey/pg'
import { DataSource, EntitySchema, type Repository } from 'typeorm'
import { CREDENTIALS, RekeyModule } from './rekey-module.ts'

/** Where the service finds its database, and the file that a store's agent keeps up to date. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly credentialsFile: string
}

export interface Order {
  id: number
  item: string
}

const entity = new EntitySchema<Order>({
  name: 'orders',
  columns: { id: { type: Number, primary: true, generated: true }, item: { type: String } },
})

/** Knows nothing of credentials. */
export class Orders {
  readonly #repository: Repository<Order>

  constructor(source: DataSource) {
    this.#repository = source.getRepository(entity)
  }

  add(item: string): Promise<Order> {
    return this.#repository.save({ item })
  }

  all(): Promise<Order[]> {
    return this.#repository.find({ order: { id: 'ASC' } })
  }
}

/** A service of NestJS with TypeORM. It has no decorators, so that Node runs it as it is. */
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class
export class OrdersModule {
  static forRoot({ credentialsFile, ...server }: Settings): DynamicModule {
    const overlap = 60 * 60 * 1000
    return {
      module: OrdersModule,
      imports: [
        RekeyModule.forRootAsync({
          useFactory: () => createCredentials(fromFile(credentialsFile), { overlap }),
        }),
        TypeOrmModule.forRootAsync({
          inject: [CREDENTIALS],
          useFactory: (credentials: CredentialsCache) => ({
            type: 'postgres',
            driver: rotatingPg(credentials),
            ...server,
            entities: [entity],
            synchronize: true,
          }),
        }),
      ],
      providers: [
        {
          provide: Orders,
          inject: [DataSource],
          useFactory: (source: DataSource) => new Orders(source),
        },
      ],
    }
  }
}
