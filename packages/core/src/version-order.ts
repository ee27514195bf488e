import type { Credentials } from './credentials.ts'

/** Knows which versions have been left behind. */
export interface VersionOrder {
  /** Whether `answer` is older than `current`, as far as the store lets one tell. */
  isOlder(answer: Credentials, current: Credentials): boolean
  superseded(version: Credentials): void
}

// A lagging replica answers with the last few versions, not with one from a thousand rotations ago.
const remembered = 64

/**
 * The order of a store's versions: by the time of issue where the store gives it, by number where both ids are
 * numbers, and else a version that was left behind is older. A content hash has no order, so with hashes A, B, A are
 * three rotations.
 */
export function versionOrder(): VersionOrder {
  const past = new Set<string>()
  return {
    isOlder(answer, current) {
      if (answer.issuedAt !== undefined && current.issuedAt !== undefined) {
        if (answer.issuedAt !== current.issuedAt) return answer.issuedAt < current.issuedAt
      }
      if (answer.versionDerived) return false
      if (isNumber(answer.version) && isNumber(current.version)) {
        return BigInt(answer.version) < BigInt(current.version)
      }
      return past.has(answer.version)
    },
    superseded({ version, versionDerived }) {
      if (versionDerived) return
      past.delete(version)
      past.add(version)
      const [oldest] = past
      if (past.size > remembered && oldest !== undefined) past.delete(oldest)
    },
  }
}

function isNumber(version: string): boolean {
  return /^\d+$/.test(version)
}
