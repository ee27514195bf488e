/** What can be started: a server alone, or Redis in company. */
export type Kind =
  | 'postgres'
  | 'mysql'
  | 'mariadb'
  | 'redis'
  | 'valkey'
  | 'redis-cluster'
  | 'redis-sentinel'
