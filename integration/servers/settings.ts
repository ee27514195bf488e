import type { Kind } from './kind.ts'

type Settings = Readonly<Record<string, string>>

const postgres: Settings = {
  max_connections: '400',
  fsync: 'off',
  full_page_writes: 'off',
  // Passwords are drawn at random here: nothing is won by making it dear to guess them, at each login on both sides.
  scram_iterations: '1',
  // The failed logins are counted in the log: whose, and why.
  log_line_prefix: '%u|%e|',
  // Without the errors of statements, with the refused logins.
  log_min_messages: 'log',
  log_checkpoints: 'off',
}

const mysqlAndMariadb: Settings = {
  'max-connections': '400',
  // A client has the same name whichever way it comes.
  'skip-name-resolve': 'ON',
  'innodb-flush-log-at-trx-commit': '0',
  'innodb-doublewrite': 'OFF',
  'innodb-buffer-pool-size': '64M',
  // A client may load what it has itself.
  'local-infile': 'ON',
  'sync-binlog': '0',
}

const redis: Settings = {
  save: '',
  appendonly: 'no',
  // The refused logins are counted in this log.
  'acllog-max-len': '100000',
}

const redisGroup: Settings = {
  ...redis,
  // A replica is in step at once, not after as many seconds as are good for a large one.
  'repl-diskless-sync-delay': '0',
  'repl-ping-replica-period': '1',
}

/** What the tests need of each server beyond its defaults. */
const settings: Record<Kind, Settings> = {
  postgres,
  mysql: mysqlAndMariadb,
  // It counts refused logins nowhere: what it logs of logins, less those that it has counted, are those.
  mariadb: { ...mysqlAndMariadb, userstat: 'ON', 'general-log': 'ON', 'log-output': 'TABLE' },
  redis,
  valkey: redis,
  'redis-cluster': redisGroup,
  'redis-sentinel': redisGroup,
  'valkey-cluster': redisGroup,
  'valkey-sentinel': redisGroup,
}

export function settingsOf(kind: Kind): Settings {
  return settings[kind]
}
