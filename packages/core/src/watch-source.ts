import type { Clock } from './clock.ts'
import { report } from './diagnostics.ts'
import type { Source } from './source.ts'

/** Has a source that can push say when it changes. Where watching fails, that is reported and the source is polled. */
export function watchSource(
  source: Source,
  {
    signal,
    clock,
    serving,
    onChange,
  }: {
    signal: AbortSignal
    clock: Clock
    serving: () => string | undefined
    onChange: () => void
  },
): void {
  const onError = (error: unknown): void => {
    report(
      'rekey:refresh-error',
      { source: source.name, error, failures: 1, retryIn: 0, serving: serving() },
      `Watching the source ${source.name} failed; it is still polled. ${String(error)}`,
    )
  }
  try {
    source.watch?.(onChange, { signal, onError, clock })
  } catch (error) {
    onError(error)
  }
}
