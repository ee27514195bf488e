import { count, text } from '../../options.ts'
import type { Source } from '../../source.ts'
import { loadSdk } from '../sdk.ts'
import { signed, type AwsIamOptions } from './signed.ts'

/**
 * Tokens of IAM for PostgreSQL, MySQL and MariaDB in RDS and Aurora, by `@aws-sdk/rds-signer`. They are looked at when
 * somebody logs in and never again: a new one rotates nothing. Each works for 15 minutes, also when the next one is signed: that
 * is the window (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html). The connection needs TLS.
 * Also needs `@aws-sdk/credential-provider-node`, unless you give an `identity`.
 *
 * | failure | |
 * |---|---|
 * | no AWS credentials, or expired ones | reported at once, tried again with backoff; the last token serves until it ends |
 * | throttled by STS | tried again by the SDK, then with backoff |
 * | a clock that is wrong by minutes, a user without `rds-db:connect` | the database refuses the login |
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for what is missing, the region too. At load: `ERR_REKEY_SDK`, `ERR_REKEY_LOAD`.
 *
 * @example
 * fromRdsIam({ host: 'app.abc123.eu-central-1.rds.amazonaws.com', port: 5432, user: 'app' })
 */
export function fromRdsIam(options: AwsIamOptions & { host: string; port: number }): Source {
  const hostname = text('host', options.host, 'the endpoint of the database')
  const { user: username } = options
  const port = count('port', options.port, 1)
  return signed(`RDS IAM ${hostname}`, options, true, async (credentials, region) => {
    const { Signer } = await loadSdk('@aws-sdk/rds-signer', () => import('@aws-sdk/rds-signer'))
    return new Signer({ hostname, port, username, region, credentials }).getAuthToken()
  })
}
