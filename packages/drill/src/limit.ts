/** Waits for a promise, at most `milliseconds`, and says whether it was fulfilled by then. Rejects if it rejects in time. */
export async function withinLimit(
  promise: Promise<unknown>,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { promise: over, resolve, reject } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), milliseconds)
  const onAbort = (): void => reject(signal?.reason as Error)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise.then(() => true), over])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
