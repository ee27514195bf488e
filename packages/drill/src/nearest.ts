/** The word that was probably meant; `undefined` where none is near. */
export function nearest(given: string, words: readonly string[]): string | undefined {
  const ranked = words
    .map((word) => ({ word, distance: distance(given.toLowerCase(), word) }))
    .toSorted((a, b) => a.distance - b.distance)
  const [best] = ranked
  // As good as another word would be is not near.
  return best !== undefined && best.distance <= best.word.length / 3 ? best.word : undefined
}

/** How many letters have to be put in, taken out or changed to make one word of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1]
    for (const [j, other] of b.split('').entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, changed))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
