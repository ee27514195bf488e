export { drill } from './drill.ts'
export type { DrillOptions } from './drill.ts'
export { DrillError } from './error.ts'
export type { DrillEvent } from './events.ts'
export type { FailureGroup } from './failures.ts'
export type { LatencySummary, Phase } from './latency.ts'
export { renderPage } from './page/page.ts'
export type { Circumstances } from './page/page.ts'
export { Recording } from './recording.ts'
export type { RecordedRun } from './recording.ts'
export { assertZeroDowntime, assertions, controlFailed } from './report.ts'
export type { Assertion, DrillReport, RunReport } from './report.ts'
export { mariadb, mysql } from './targets/mysql/index.ts'
export type { MysqlOptions } from './targets/mysql/index.ts'
export { postgres } from './targets/postgres/index.ts'
export type { PostgresOptions } from './targets/postgres/index.ts'
export { redis, valkey } from './targets/redis/index.ts'
export type { RedisTargetOptions } from './targets/redis/index.ts'
export type { Pace } from './pace.ts'
export type { Topology } from './servers/server.ts'
export type { ScenarioName } from './scenarios/scenario.ts'
export type { Workload } from './workload.ts'
export type { Mark, Stretch, Timeline } from './timeline.ts'
export type {
  Database,
  Login,
  PoolKind,
  PoolOptions,
  PoolUnderDrill,
  StartTarget,
  StockRecipe,
  Target,
  Timings,
  TwoPasswords,
  UnitName,
  Units,
  Wire,
} from './targets/target.ts'
