import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { text } from '../../options.ts'
import type { Source } from '../../source.ts'
import { loadSdk } from '../sdk.ts'
import { lifetime, signed, type AwsIamOptions } from './signed.ts'

export interface AwsCacheIamOptions extends AwsIamOptions {
  /** The id of the replication group or cluster, or the name of the serverless cache; not its endpoint. */
  cache: string
  serverless?: boolean
}

/** A source of tokens for one of the services that AWS has for Redis. @throws {RekeyError} As `signed`. */
export function cacheTokens(service: string, options: AwsCacheIamOptions): Source {
  const hostname = text('cache', options.cache, 'the id of a cache').toLowerCase()
  return signed(`${service} IAM ${hostname}`, options, false, async (credentials, region) => {
    const { SignatureV4 } = await loadSdk(
      '@smithy/signature-v4',
      () => import('@smithy/signature-v4'),
    )
    const query = {
      Action: 'connect',
      User: options.user,
      ...(options.serverless === true && { ResourceType: 'ServerlessCache' }),
    }
    const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
    const request = {
      method: 'GET',
      protocol: 'http:',
      hostname,
      path: '/',
      query,
      headers: { host: hostname },
    }
    const { query: all = {} } = await signer.presign(request, { expiresIn: lifetime / 1_000 })
    const pairs = Object.entries(all).map(
      ([key, value]) => `${key}=${encodeURIComponent(String(value))}`,
    )
    return `${hostname}/?${pairs.join('&')}`
  })
}

/** What the signer wants of a hash; Node's own is one. */
class Sha256 {
  readonly #hash: Hash | Hmac

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    const secret = typeof key === 'string' ? key : key && Buffer.from(key as ArrayBuffer)
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret)
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {}
}
