import type { Dialects } from '@rekey/core/libraries'

/** What libraries call the databases of this package, and what to say of others. */
export const dialects: Dialects = {
  adapter: '@rekey/pg',
  database: 'PostgreSQL',
  names: ['pg', 'postgres', 'postgresql'],
  elsewhere: { mysql: 'For MySQL there is @rekey/mysql2.' },
}
