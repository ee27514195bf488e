import { watch } from 'node:fs'
import { systemClock, type Timer } from '../clock.ts'
import type { WatchContext } from '../source.ts'

/** A writer touches several files, or one several times: milliseconds until what it did counts as one change. */
const burst = 50

/**
 * Calls `onChange` when one of the files is changed or replaced in its directory, or a Kubernetes volume swaps its
 * `..data` link. Once per burst, until the signal aborts; keeps no process alive.
 */
export function watchDirectories(
  directories: Iterable<string>,
  files: readonly string[],
  onChange: () => void,
  { signal, onError, clock = systemClock }: WatchContext,
): void {
  let timer: Timer | undefined
  signal.addEventListener('abort', () => timer?.cancel(), { once: true })
  // Not every platform says which file it was.
  const concerns = (file: string | null): boolean =>
    file === null || file === '..data' || files.includes(file)
  const changed = (_event: string, file: string | null): void => {
    if (signal.aborted || timer !== undefined || !concerns(file)) return
    timer = clock.after(burst, () => {
      timer = undefined
      onChange()
    })
  }
  for (const directory of directories) {
    watch(directory, { persistent: false, signal }, changed).on('error', onError)
  }
}
