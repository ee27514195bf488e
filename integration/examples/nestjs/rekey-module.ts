import type { DynamicModule, FactoryProvider } from '@nestjs/common'
import type { CredentialsCache } from '@rekey/core'

/** What to inject where the credentials are needed: `@Inject(CREDENTIALS) credentials: CredentialsCache`. */
export const CREDENTIALS: unique symbol = Symbol('rekey credentials')

type Options = Pick<FactoryProvider<CredentialsCache>, 'inject' | 'useFactory'> &
  Pick<DynamicModule, 'imports'>

/** One credentials cache for the whole application, which is closed with it. */
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows a module by its class
export class RekeyModule {
  static forRootAsync({ imports = [], inject = [], useFactory }: Options): DynamicModule {
    const cache: FactoryProvider<CredentialsCache> = { provide: CREDENTIALS, inject, useFactory }
    const end: FactoryProvider = {
      provide: Symbol('rekey end'),
      inject: [CREDENTIALS],
      useFactory: (credentials: CredentialsCache) => ({
        onApplicationShutdown: () => credentials.close(),
      }),
    }
    return {
      module: RekeyModule,
      global: true,
      imports,
      providers: [cache, end],
      exports: [CREDENTIALS],
    }
  }
}
