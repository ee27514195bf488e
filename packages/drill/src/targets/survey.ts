/** What can be seen of a server before anything is made in it. */
export interface Survey {
  /** Name and version. */
  readonly server: string
  /** The account that the URL names, as somebody would know it. */
  readonly admin: string
  readonly host: string
  /** The names of its databases, as far as they are the drill's concern. */
  readonly names: readonly string[]
  /** Sessions of others. */
  readonly sessions: number
  /** How much data there is. */
  readonly bytes: number
}

/** What drills that crashed have left in a server. */
export interface Leftovers {
  /** The names that all which was removed began with. */
  readonly removed: readonly string[]
  /** Those of drills that still have sessions: they are running. */
  readonly inUse: readonly string[]
}

/** What all that a drill makes begins with, whatever comes behind it. */
const drillName = /^rekey_drill_[0-9a-f]{8}/

/** The drills that names are of. */
export function drillsOf(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => drillName.exec(name)?.[0] ?? []))].toSorted()
}
