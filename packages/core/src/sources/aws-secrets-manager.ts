import { oneOf, text } from '../options.ts'
import type { LoadedCredentials, Source, SourceDefaults } from '../source.ts'
import { pairOf, parseObject } from './json.ts'
import { loadSdk } from './sdk.ts'
import { storeError, type StoreFailure } from './store-error.ts'

export interface AwsSecretsManagerOptions {
  /** How the secret is rotated. Default: `'single-user'`, whose timings are safe for both. */
  rotation?: 'single-user' | 'alternating-users'
  /** What the SDK's own client takes: `region`, `endpoint`, `credentials` … Default: as the SDK finds them. */
  client?: { region?: string; endpoint?: string; [more: string]: unknown }
}

/** Where the secret says that its database is. */
export interface DatabaseAddress {
  host: string | undefined
  port: number | undefined
  database: string | undefined
}

// As for a load; nobody else would end it.
const addressDeadline = 5_000

export interface AwsSecretsManagerSource extends Source {
  /** `host`, `port` and `dbname` of the secret, as RDS writes them. For a pool's settings, which are needed once. */
  address(): Promise<DatabaseAddress>
}

/**
 * `single-user`: the rotation's second step changes the password in the database, its fourth moves AWSCURRENT; in between
 * the published pair is refused. That gap took about a minute where it was measured, hence 90 s; a refused login is
 * bridged for two minutes.
 *
 * `alternating-users`: the pair before works until the next rotation sets it anew, and those are 4 hours apart at least.
 *
 * Steps: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 * Shortest interval: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
 */
const presets: Record<'single-user' | 'alternating-users', SourceDefaults> = {
  'single-user': { overlap: -90_000, ttl: 60_000, loadDeadline: 5_000, loginDeadline: 120_000 },
  'alternating-users': { overlap: 4 * 3_600_000, ttl: 300_000, loadDeadline: 5_000 },
}

/**
 * The pair that AWS Secrets Manager calls AWSCURRENT, a JSON object as the rotation functions of RDS write it
 * (`username`, `password`). The version is the version's id; one that was left behind is not taken up again, so the
 * store's eventual consistency does no harm. Needs `@aws-sdk/client-secrets-manager` and
 * `secretsmanager:GetSecretValue`.
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
    const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: 'AWSCURRENT' })
    return (abortSignal: AbortSignal) => client.send(command, { abortSignal })
  }

  async function read(signal: AbortSignal) {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    const ask = await opened
    const answer = await ask(signal).catch((cause: unknown) => {
      const failure = failureOf(cause)
      throw storeError(name, { failure, place: secretId, detail: (cause as Error).name, cause })
    })
    const content = parseObject(answer.SecretString, secretId, `The secret ${secretId}`)
    return { content, version: answer.VersionId }
  }

  return {
    name,
    defaults: presets[rotation],
    async load({ signal }): Promise<LoadedCredentials> {
      // Not the date of its creation: a rotation that failed and is taken up again moves AWSCURRENT to an older version.
      const { content, version } = await read(signal)
      return { ...pairOf(content), version }
    },
    async address() {
      const { host, port, dbname } = (await read(AbortSignal.timeout(addressDeadline))).content
      return {
        host: typeof host === 'string' ? host : undefined,
        port: port === undefined ? undefined : Number(port),
        database: typeof dbname === 'string' ? dbname : undefined,
      }
    },
  }
}

const failures: Record<string, StoreFailure> = {
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  AccessDeniedException: 'forbidden',
  UnrecognizedClientException: 'forbidden',
  InvalidClientTokenId: 'forbidden',
  ExpiredTokenException: 'forbidden',
  CredentialsProviderError: 'forbidden',
  ResourceNotFoundException: 'not found',
  InvalidSignatureException: 'a clock that is wrong',
  RequestTimeTooSkewed: 'a clock that is wrong',
}

function failureOf(error: unknown): StoreFailure {
  const { name, message } = error as Error
  if (message.startsWith('Region is missing')) return 'unusable settings'
  return failures[name] ?? 'an error of the store'
}
