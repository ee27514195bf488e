export { createCredentials } from './cache.ts'
export type { Change, CredentialsCache, CredentialsOptions } from './cache.ts'
export { poolTimings } from './budget.ts'
export type { CacheTimings, PoolTimings } from './budget.ts'
export { checkCredentials } from './check-credentials.ts'
export { systemClock } from './clock.ts'
export type { Clock, Timer } from './clock.ts'
export type { Credentials } from './credentials.ts'
export type {
  CandidateRefusedMessage,
  ChangeMessage,
  DrainedMessage,
  Messages,
  RefreshErrorMessage,
  StaleAnswerMessage,
  StalledMessage,
  VerifiedMessage,
} from './diagnostics.ts'
export { RekeyError } from './errors.ts'
export type { RekeyErrorCode, RekeyErrorDetails } from './errors.ts'
export type { GenerationCounts } from './generations.ts'
export { Logins } from './logins.ts'
export type { LoginsOptions } from './logins.ts'
export type { Login, LoginPurpose, Refusal } from './login.ts'
export { conflict, count, invalid } from './options.ts'
export type { OpenPurpose } from './plan.ts'
export { replaceMembers } from './replace-members.ts'
export { Rotation } from './rotation.ts'
export type {
  OpenOutcome,
  RenewingDriver,
  ReplacingDriver,
  RotationDriver,
  RotationOptions,
} from './rotation-driver.ts'
export { backoffDelay, nextReplacement } from './schedule.ts'
export { Secret } from './secret.ts'
export type {
  LoadContext,
  LoadedCredentials,
  Source,
  SourceDefaults,
  WatchContext,
} from './source.ts'
export { combine } from './sources/combine.ts'
export type { CombineOptions } from './sources/combine.ts'
export { fromEnv } from './sources/environment.ts'
export type { EnvironmentVariables, UsualVariables } from './sources/environment.ts'
export { fromFile } from './sources/file.ts'
export type { FileFields, FileOptions } from './sources/file.ts'
export { fromFunction } from './sources/function.ts'
export type { Load } from './sources/function.ts'
export { map } from './sources/map.ts'
export { TheirPool } from './their-pool.ts'
export type { TheirConnection, TheirPoolOptions, TheirRotation } from './their-pool.ts'
