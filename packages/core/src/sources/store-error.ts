import { RekeyError } from '../errors.ts'

/** Why a store gave no answer. Each is tried again with backoff while the last good pair serves; the first try of all rejects. */
export type StoreFailure =
  | 'throttled'
  | 'forbidden'
  | 'not found'
  | 'a clock that is wrong'
  | 'unusable settings'
  | 'an error of the store'

const remedies: Record<StoreFailure, string> = {
  throttled: 'fewer questions: a longer ttl, or a higher quota',
  forbidden: 'a role or token that may read the secret',
  'not found': 'a secret that exists and has a value',
  'a clock that is wrong': 'a clock that agrees with the store’s',
  'unusable settings': 'settings that the store’s client accepts',
  'an error of the store': 'an answer',
}

/** `ERR_REKEY_LOAD` of a store, which says what to do. `place` is what a reader looks for: a secret's id, a path. */
export function storeError(
  source: string,
  { failure, place, detail, cause }: StoreTrouble,
): RekeyError {
  return new RekeyError(
    'ERR_REKEY_LOAD',
    `The source ${source} failed: ${failure}${detail === undefined ? '' : ` (${detail})`}. Needed: ${remedies[failure]}.`,
    {
      option: place,
      given: failure,
      allowed: remedies[failure],
      ...(cause !== undefined && { cause }),
    },
  )
}

export interface StoreTrouble {
  failure: StoreFailure
  place: string
  detail?: string | undefined
  cause?: unknown
}
