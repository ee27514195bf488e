import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createCredentials, type LoadedCredentials, type Source } from '../../src/index.ts'
import {
  fromElastiCacheIam,
  fromMemoryDbIam,
  fromRdsIam,
  type AwsIdentity,
} from '../../src/sources/aws-iam.ts'
import { listen, rejection } from '../listen.ts'
import { VirtualClock } from '../virtual-clock.ts'

const signer: AwsIdentity = {
  accessKeyId: 'AKID',
  secretAccessKey: 'hunter2',
  sessionToken: 'a+b/c=',
}
const identity = async (): Promise<AwsIdentity> => signer
const common = { user: 'app', region: 'eu-central-1', identity }
const rds = { ...common, host: 'db.example.com', port: 5432 }
const { region: _, ...elsewhere } = { ...rds, cache: 'sessions' }

async function load(source: Source): Promise<LoadedCredentials> {
  return source.load({ signal: AbortSignal.timeout(5_000) })
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Signature version 4 of a URL, after its documentation and with none of the signers' code. */
function signatureOf(token: string, service: string, { secretAccessKey }: AwsIdentity): string {
  const url = new URL(`https://${token}`)
  const query = token
    .slice(token.indexOf('?') + 1)
    .split('&')
    .filter((pair) => !pair.startsWith('X-Amz-Signature='))
    .toSorted()
    .join('&')
  const request = ['GET', '/', query, `host:${url.host}`, '', 'host', hash('')].join('\n')
  const date = url.searchParams.get('X-Amz-Date') ?? ''
  const scope = [date.slice(0, 8), 'eu-central-1', service, 'aws4_request']
  const key = scope.reduce<string | Buffer>(
    (made, part) => createHmac('sha256', made).update(part).digest(),
    `AWS4${secretAccessKey}`,
  )
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash(request)].join('\n')
  return createHmac('sha256', key).update(toSign).digest('hex')
}

const cases: [string, Source, string, string, object][] = [
  ['RDS', fromRdsIam(rds), 'rds-db', 'db.example.com:5432', { Action: 'connect', DBUser: 'app' }],
  [
    'ElastiCache',
    fromElastiCacheIam({ ...common, cache: 'Sessions' }),
    'elasticache',
    'sessions',
    { Action: 'connect', User: 'app' },
  ],
  [
    'a serverless cache',
    fromElastiCacheIam({ ...common, cache: 'sessions', serverless: true }),
    'elasticache',
    'sessions',
    { ResourceType: 'ServerlessCache', User: 'app' },
  ],
  [
    'MemoryDB',
    fromMemoryDbIam({ ...common, cache: 'sessions' }),
    'memorydb',
    'sessions',
    { Action: 'connect', User: 'app' },
  ],
]

test.each(cases)(
  'a token for %s is signed as AWS documents it',
  async (_for, source, service, host, query) => {
    const { user, password } = await load(source)
    expect(user).toBe('app')
    const token = String(password)
    const url = new URL(`https://${token}`)
    expect(url.host).toBe(host)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...query,
      'X-Amz-Expires': '900',
      'X-Amz-Security-Token': 'a+b/c=',
      'X-Amz-Signature': signatureOf(token, service, signer),
    })
  },
)

test('a token lives for 15 minutes, or as long as what signed it', async () => {
  const { expiresAt } = await load(fromRdsIam(rds))
  expect(Number(expiresAt) - Date.now()).toBeGreaterThan(14.9 * 60_000)
  expect(Number(expiresAt) - Date.now()).toBeLessThanOrEqual(15 * 60_000)
  const expiration = new Date(Date.now() + 60_000)
  const short = fromRdsIam({ ...rds, identity: async () => ({ ...signer, expiration }) })
  expect((await load(short)).expiresAt).toBe(expiration.getTime())
})

test('for a database all tokens are one version; for a cache each is one of its own', async () => {
  const first = await load(fromRdsIam(rds))
  expect(first).toMatchObject({ version: 'app by IAM', checkedAtLogin: true })
  const second = await load(fromElastiCacheIam({ ...common, cache: 'sessions' }))
  expect(second).not.toHaveProperty('version')
  expect(second).not.toHaveProperty('checkedAtLogin')
})

test('the next token comes after 10 to 12 minutes', () => {
  const { timings } = createCredentials(fromRdsIam(rds))
  expect(timings.ttl * (1 - timings.jitter)).toBeGreaterThanOrEqual(10 * 60_000)
  expect(timings.ttl).toBeLessThanOrEqual(12 * 60_000)
})

test.each([
  ['CredentialsProviderError', 'forbidden'],
  ['AccessDenied', 'forbidden'],
  ['ExpiredTokenException', 'forbidden'],
  ['InvalidClientTokenId', 'forbidden'],
  ['Throttling', 'throttled'],
  ['TimeoutError', 'an error of the store'],
])('who may not sign because of %s is told, and the last token serves on', async (name, given) => {
  const failure = Object.assign(new Error('no'), { name })
  const identities = [identity()]
  const source = fromElastiCacheIam({
    ...common,
    cache: 'sessions',
    identity: () => identities.pop() ?? Promise.reject(failure),
  })
  await using cache = createCredentials(source)
  const first = await cache.get()
  const reports = listen('rekey:refresh-error')
  const error = await rejection(cache.refresh())
  expect(error).toMatchObject({
    code: 'ERR_REKEY_LOAD',
    option: 'identity',
    given,
    cause: failure,
  })
  expect(reports).toMatchObject([{ error, failures: 1 }])
  expect(cache.current).toBe(first)
})

test('an identity that hangs is left at the deadline, and the last token serves on', async () => {
  const clock = new VirtualClock()
  const identities = [identity()]
  const source = fromRdsIam({
    ...rds,
    identity: () => identities.pop() ?? new Promise<never>(() => {}),
  })
  await using cache = createCredentials(source, { clock })
  const first = await cache.get()
  listen('rekey:refresh-error')
  const refused = rejection(cache.refresh())
  await clock.advance(cache.timings.loadDeadline)
  expect(await refused).toMatchObject({ code: 'ERR_REKEY_LOAD_DEADLINE' })
  expect(cache.current).toBe(first)
})

test('neither the source nor the cache shows a token or a key', async () => {
  const source = fromRdsIam(rds)
  await using cache = createCredentials(source)
  await cache.get()
  expect(inspect([source, cache, cache.current], { depth: 10, showHidden: true })).not.toMatch(
    /X-Amz|hunter2/,
  )
})

test.each<[string, (options: typeof elsewhere) => Source]>([
  ['RDS', fromRdsIam],
  ['ElastiCache', fromElastiCacheIam],
  ['MemoryDB', fromMemoryDbIam],
])(
  '%s: the region comes from the environment where none is given, and is missed at once',
  (_for, make) => {
    onTestFinished(() => void vi.unstubAllEnvs())
    vi.stubEnv('AWS_REGION', '')
    vi.stubEnv('AWS_DEFAULT_REGION', undefined)
    expect(() => make(elsewhere)).toThrow(
      expect.objectContaining({ code: 'ERR_REKEY_OPTION', option: 'region' }),
    )
    vi.stubEnv('AWS_DEFAULT_REGION', 'us-east-1')
    expect(() => make(elsewhere)).not.toThrow()
  },
)

test.each<[string, () => unknown, string]>([
  ['no host', () => fromRdsIam({ ...rds, host: '' }), 'host'],
  ['no user', () => fromRdsIam({ ...rds, user: '' }), 'user'],
  ['a port that is none', () => fromRdsIam({ ...rds, port: 0 }), 'port'],
  ['no cache', () => fromElastiCacheIam({ ...common, cache: '' }), 'cache'],
  ['no cluster', () => fromMemoryDbIam({ ...common } as never), 'cache'],
])('%s is refused at once', (_what, make, option) => {
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_REKEY_OPTION', option }))
})
