import { types } from 'node:util'

/** Failures that say the same, and the first of them. */
export interface FailureGroup {
  /** The server's or the driver's code, or one of the drill's own, `DRILL_…`. */
  code: string
  message: string
  count: number
  first: {
    /** The unit of work, or `rotation` where it was the rotation itself. */
    unit: string
    /** 0 before the first rotation. */
    rotation: number
    /** Milliseconds since the load began. */
    atMs: number
    /** What the pool said of its generations at that moment. */
    pool?: string
  }
}

/** More kinds of failure than this are counted under one heading, so that a report stays readable. */
const mostGroups = 50

/** Collects what went wrong. */
export class Failures {
  readonly #groups = new Map<string, FailureGroup>()
  readonly #redact: (text: string) => string

  /** `redact`: takes out of a message what no report may carry. */
  constructor(redact: (text: string) => string = (text) => text) {
    this.#redact = redact
  }

  add(error: unknown, first: FailureGroup['first']): void {
    const code = codeOf(error)
    const message = isError(error) ? error.message : String(error)
    this.#count(code, this.#redact(message), first)
  }

  get groups(): FailureGroup[] {
    return [...this.#groups.values()]
  }

  #count(code: string, message: string, first: FailureGroup['first']): void {
    const key = `${code} ${message}`
    const known = this.#groups.get(key)
    if (known !== undefined) known.count += 1
    else if (this.#groups.size < mostGroups || code === 'DRILL_OTHER') {
      this.#groups.set(key, { code, message, count: 1, first })
    } else this.#count('DRILL_OTHER', 'further kinds of failure', first)
  }
}

/** What the drill itself found to be wrong, beside requests that failed. */
export class Finding extends Error {
  override readonly name: string = 'Finding'
  readonly code:
    | 'DRILL_HUNG'
    | 'DRILL_NOT_DRAINED'
    | 'DRILL_NOT_ENDED'
    | 'DRILL_NOT_ROTATED'
    | 'DRILL_NOT_SERVED'

  constructor(code: Finding['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Where tests have globals of their own, as Jest's do, what Node itself throws is no instance of their `Error`. */
function isError(error: unknown): error is Error {
  return error instanceof Error || types.isNativeError(error)
}

function codeOf(error: unknown): string {
  if (!isError(error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
