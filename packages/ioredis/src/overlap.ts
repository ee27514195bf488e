/** A message as a subscriber gets it: what kind it is, where it was published, and what it says. */
export interface Message {
  readonly event: string
  readonly parts: readonly (string | Buffer)[]
}

/** What two subscribers to the same things have heard, in order, each since a moment of its own. */
export interface Heard {
  /** By the one that was there, since the other one asked to be let in. */
  readonly before: readonly Message[]
  /** By the one that has come, since it was in. */
  readonly after: readonly Message[]
  /** Between which bounds the answer is known to be. */
  readonly atLeast: number
  readonly atMost: number
}

/**
 * When the second one came in: how many messages the first one had heard by then. From there on a server tells both the
 * same, in the same order, so their tales have to agree. More than one answer where they agree in more than one way, and
 * none where they do not belong together.
 */
export function whenItCameIn({ before, after, atLeast, atMost }: Heard): number[] {
  const answers: number[] = []
  for (let count = Math.max(0, atLeast); count <= atMost; count += 1) {
    if (agree(before, count, after)) answers.push(count)
  }
  return answers
}

function agree(before: readonly Message[], from: number, after: readonly Message[]): boolean {
  const count = Math.min(before.length - from, after.length)
  for (let index = 0; index < count; index += 1) {
    if (!same(before[from + index], after[index])) return false
  }
  return true
}

function same(one: Message | undefined, other: Message | undefined): boolean {
  if (one?.event !== other?.event || one?.parts.length !== other?.parts.length) return false
  return (one?.parts ?? []).every((part, index) => {
    const opposite = other?.parts[index]
    return Buffer.isBuffer(part) && Buffer.isBuffer(opposite)
      ? part.equals(opposite)
      : part === opposite
  })
}
