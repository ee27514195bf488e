import { systemClock } from '../../clock.ts'
import { RekeyError } from '../../errors.ts'
import { text } from '../../options.ts'
import type { LoadedCredentials, Source, SourceDefaults } from '../../source.ts'
import { awsFailure } from '../aws-failure.ts'
import { loadSdk } from '../sdk.ts'
import { storeError } from '../store-error.ts'

/** What AWS gives to whoever may sign. */
export interface AwsIdentity {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}

export interface AwsIamOptions {
  /** The account that the token is for. In Redis, the id of the user, which must be its name too. */
  user: string
  /** Default: `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  region?: string
  /** Default: as the SDK finds it on this machine. */
  identity?: () => Promise<AwsIdentity>
}

/** Milliseconds. */
export const lifetime: number = 15 * 60_000

/**
 * A token works for 15 minutes, whether or not another one was signed meanwhile: that is the window. Signing is local, so
 * the next one comes after 10 to 11 minutes, and who is refused has another at once: core's 5 s are bridge enough.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
 */
const defaults: SourceDefaults = {
  overlap: lifetime,
  ttl: 670_000,
  jitter: 0.1,
  loadDeadline: 5_000,
  loginDeadline: 5_000,
}

type Sign = (identity: AwsIdentity, region: string) => Promise<string>

/** A source of tokens that `sign` makes. @throws {RekeyError} `ERR_REKEY_OPTION` for what is missing. */
export function signed(
  name: string,
  options: AwsIamOptions,
  checkedAtLogin: boolean,
  sign: Sign,
): Source {
  const user = text('user', options.user, 'the name of an account')
  const { AWS_REGION: own, AWS_DEFAULT_REGION: usual } = process.env
  const region = text(
    'region',
    options.region || own || usual,
    'a region, or AWS_REGION in the environment',
  )
  let { identity } = options
  async function findIdentity(): Promise<AwsIdentity> {
    const { defaultProvider } = await loadSdk(
      '@aws-sdk/credential-provider-node',
      () => import('@aws-sdk/credential-provider-node'),
    )
    identity = defaultProvider()
    return identity()
  }
  return {
    name,
    defaults,
    async load({ clock = systemClock }): Promise<LoadedCredentials> {
      const signer = await (identity ?? findIdentity)().catch((cause: unknown) => {
        if (cause instanceof RekeyError) throw cause
        const detail = (cause as Error).name
        throw storeError(name, { failure: awsFailure(cause), place: 'identity', detail, cause })
      })
      const since = clock.wall()
      const password = await sign(signer, region)
      // A token dies with what signed it.
      const expiresAt = Math.min(since + lifetime, signer.expiration?.getTime() ?? Infinity)
      return {
        user,
        password,
        expiresAt,
        ...(checkedAtLogin && { version: `${user} by IAM`, checkedAtLogin }),
      }
    },
  }
}
