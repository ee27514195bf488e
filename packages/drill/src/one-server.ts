import type { StartTarget, Target } from './targets/target.ts'

/** A target that several drills share, one after the other: made for the first, and removed at the end. */
export interface OneServer {
  readonly target: StartTarget
  /** Removes what was made, if anything was. */
  close(): Promise<void>
}

export function oneServer(start: StartTarget): OneServer {
  let started: Target | undefined
  return {
    async target(needs) {
      started ??= await start(needs)
      return { ...started, close: async () => {} }
    },
    async close() {
      await started?.close()
    },
  }
}
