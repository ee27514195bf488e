import { systemClock } from '../clock.ts'
import { toCredentials } from '../credentials.ts'
import { beforeDeadline } from '../deadline.ts'
import { publish, report } from '../diagnostics.ts'
import { positiveDuration } from '../options.ts'
import type { LoadContext, LoadedCredentials, Source } from '../source.ts'

export interface CombineOptions {
  /** Milliseconds that the primary has before the fallback is asked. Default: 2000. Keep it well below the load deadline. */
  after?: number
}

/** How many of the primary's versions are known again in the fallback. */
const remembered = 64

/**
 * Two stores for one account: the fallback, for example a copy in another region or a file, is asked while the primary
 * fails or is slow. A pair that both have is one version, and one that the primary has left behind is older, so a
 * fallback that lags does no harm. A pair that the primary never had is taken up like any new one: proven by a login
 * before anything is retired. Timings are the primary's. Each failure of the primary is a `rekey:refresh-error`.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION`. At load, where both fail: the primary's own error.
 *
 * @example
 * combine(fromAwsSecretsManager('prod/db'), fromFile('/etc/app/database.json'))
 */
export function combine(
  primary: Source,
  fallback: Source,
  { after = 2_000 }: CombineOptions = {},
): Source {
  positiveDuration('after', after)
  const versions = new Map<string, string | undefined>()
  let failures = 0

  function contentOf({ user, password }: LoadedCredentials): string {
    return toCredentials({ user, password }, fallback.name).version
  }

  async function askPrimary(context: LoadContext): Promise<LoadedCredentials> {
    const { signal, clock = systemClock } = context
    const loaded = await beforeDeadline(
      { after, option: 'after', source: primary.name, clock, signal },
      (own) => primary.load({ ...context, signal: own }),
    )
    const content = contentOf(loaded)
    versions.delete(content)
    versions.set(content, loaded.version)
    const [oldest] = versions.keys()
    if (versions.size > remembered && oldest !== undefined) versions.delete(oldest)
    failures = 0
    return loaded
  }

  async function askFallback(context: LoadContext, error: unknown): Promise<LoadedCredentials> {
    const loaded = await (async () => fallback.load(context))().catch(() => {
      throw error
    })
    failures += 1
    const { name: source } = primary
    const message = { source, error, failures, retryIn: 0, serving: undefined }
    if (failures > 1) publish('rekey:refresh-error', message)
    else {
      const warning = `${source} failed; ${fallback.name} stands in. ${String(error)}`
      report('rekey:refresh-error', message, warning)
    }
    // Its version ids, and its times, are not the primary's: they would be compared with those.
    const { user, password, expiresAt } = loaded
    return { user, password, expiresAt, version: versions.get(contentOf(loaded)) }
  }

  return {
    name: `${primary.name}, else ${fallback.name}`,
    ...(primary.defaults && { defaults: primary.defaults }),
    load: (context) =>
      askPrimary(context).catch((error: unknown) => {
        context.signal.throwIfAborted()
        return askFallback(context, error)
      }),
    watch(onChange, context) {
      primary.watch?.(onChange, context)
      fallback.watch?.(onChange, context)
    },
  }
}
