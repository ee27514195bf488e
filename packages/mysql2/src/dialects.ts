import type { Dialects } from '@rekey/core/libraries'

/** What libraries call the databases of this package, and what to say of others. */
export const dialects: Dialects = {
  adapter: '@rekey/mysql2',
  database: 'MySQL and MariaDB with mysql2',
  names: ['mysql2'],
  elsewhere: {
    pg: 'For PostgreSQL there is @rekey/pg.',
    postgres: 'For PostgreSQL there is @rekey/pg.',
  },
}
