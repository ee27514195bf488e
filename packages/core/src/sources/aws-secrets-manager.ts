import { oneOf, text } from '../options.ts'
import type { LoadContext, LoadedCredentials, Source, SourceDefaults } from '../source.ts'
import { awsFailure } from './aws-failure.ts'
import { unread } from './http.ts'
import { addressOf, isPair, pairOf, parseObject, type DatabaseAddress } from './json.ts'
import { loadSdk } from './sdk.ts'
import { storeError } from './store-error.ts'

export interface AwsSecretsManagerOptions {
  /** How the secret is rotated. Default: `'single-user'`, whose timings are safe for both. */
  rotation?: 'single-user' | 'alternating-users'
  /** What the SDK's own client takes: `region`, `endpoint`, `credentials` … Default: as the SDK finds them. */
  client?: { region?: string; endpoint?: string; [more: string]: unknown }
}

type AwsError = { $metadata?: { httpStatusCode?: number } }

// As for a load; nobody else would end it.
const addressDeadline = 5_000
const both = { jitter: 0.1, loadDeadline: 5_000 }

export interface AwsSecretsManagerSource extends Source {
  /** `host`, `port` and `dbname` of the secret, as RDS writes them. For a pool's settings, which are needed once. */
  address(): Promise<DatabaseAddress>
}

/** Why these: {@link fromAwsSecretsManager}. The jitter is core's: FLEET.md. */
const presets: Record<'single-user' | 'alternating-users', SourceDefaults> = {
  'single-user': { ...both, overlap: -90_000, ttl: 60_000, loginDeadline: 120_000 },
  'alternating-users': { ...both, overlap: 4 * 3_600_000, ttl: 300_000, loginDeadline: 5_000 },
}

/**
 * The pair that AWS Secrets Manager calls AWSCURRENT, a JSON object as the rotation functions of RDS write it
 * (`username`, `password`). The version is the version's id; one that was left behind is not taken up again, so the
 * store's eventual consistency does no harm. AWSPREVIOUS stands in where a process starts while the database, or its
 * replica, does not know the new pair yet. Needs `@aws-sdk/client-secrets-manager` and
 * `secretsmanager:GetSecretValue`.
 *
 * Window, `single-user`: the rotation's second step changes the password in the database, its fourth moves AWSCURRENT; in between
 * the published pair is refused. That gap took about a minute where it was measured, hence −90 s, and a refused login is
 * bridged for two minutes. `alternating-users`: the pair before works until the next rotation sets it anew, and those are 4
 * hours apart at least. A TTL of 5 minutes and a bridge of 5 s are far less than that.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
 *
 * | failure | |
 * |---|---|
 * | throttled | tried again by the SDK within the load deadline, then with backoff; 10,000 questions/s are free |
 * | forbidden, not found, region missing, no AWS credentials | reported at once; tried again with backoff |
 * | not JSON, no `username` or `password`, too long | reported at once; the last good pair keeps serving |
 * | a clock that is wrong | corrected by the SDK, which learns the store's time from the first answer |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for an id or a rotation that is not allowed. At load: `ERR_REKEY_SDK`,
 * `ERR_REKEY_LOAD`, `ERR_REKEY_ANSWER`.
 *
 * @example
 * const source = fromAwsSecretsManager('prod/database', { rotation: 'alternating-users' })
 * const pool = new Pool({ ...(await source.address()), credentials: createCredentials(source) })
 */
export function fromAwsSecretsManager(
  secretId: string,
  { rotation = 'single-user', client: settings = {} }: AwsSecretsManagerOptions = {},
): AwsSecretsManagerSource {
  text('secretId', secretId, 'the name or ARN of a secret')
  oneOf('rotation', rotation, ['single-user', 'alternating-users'])
  const name = `AWS Secrets Manager ${secretId}`
  let opened: ReturnType<typeof open> | undefined

  async function open() {
    const { GetSecretValueCommand, SecretsManagerClient } = await loadSdk(
      '@aws-sdk/client-secrets-manager',
      () => import('@aws-sdk/client-secrets-manager'),
    )
    const client = new SecretsManagerClient(settings)
    return (VersionStage: string, abortSignal: AbortSignal) =>
      client.send(new GetSecretValueCommand({ SecretId: secretId, VersionStage }), { abortSignal })
  }

  async function read(stage: string, signal: AbortSignal) {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    const ask = await opened
    const answer = await ask(stage, signal).catch((cause: unknown) => {
      const failure = awsFailure(cause)
      const { $metadata: { httpStatusCode: status } = {} } = cause as AwsError
      if (cause instanceof SyntaxError) throw unread(name, secretId, status)
      throw storeError(name, { failure, place: secretId, detail: (cause as Error).name, cause })
    })
    const content = parseObject(answer.SecretString, secretId, `The secret ${secretId}`)
    return { content, pair: { ...pairOf(content), version: answer.VersionId } }
  }

  let last: LoadedCredentials | undefined

  async function load({ signal }: LoadContext): Promise<LoadedCredentials> {
    // Not the date of its creation: a rotation that failed and is taken up again moves AWSCURRENT to an older version.
    const { pair } = await read('AWSCURRENT', signal)
    if (pair.version === last?.version) return { ...pair, previous: last?.previous }
    // Asked once per version. A secret that was never rotated has none, and one that cannot be used is as good as none.
    const before = await read('AWSPREVIOUS', signal).catch(() => undefined)
    return (last = { ...pair, previous: before && isPair(before.pair) ? before.pair : undefined })
  }

  return {
    name,
    defaults: presets[rotation],
    load,
    async address() {
      const { content } = await read('AWSCURRENT', AbortSignal.timeout(addressDeadline))
      return addressOf(content)
    },
  }
}
