import fc from 'fast-check'

const seed = Number(process.env['REKEY_SEED'] ?? 20_261_123)

/**
 * Checks that a sentence holds for many inputs. A failure prints the seed and the smallest input;
 * `REKEY_SEED=<seed>` runs it again.
 */
export function holds<Inputs extends [unknown, ...unknown[]]>(
  ...[...given]: [
    ...{ [Input in keyof Inputs]: fc.Arbitrary<Inputs[Input]> },
    (...inputs: Inputs) => void,
  ]
): void {
  const check = given.pop() as (...inputs: Inputs) => void
  const arbitraries = given as unknown as { [Input in keyof Inputs]: fc.Arbitrary<Inputs[Input]> }
  const property = fc.property(...arbitraries, (...inputs) => {
    check(...inputs)
  })
  fc.assert(property, { seed, numRuns: 1_000 })
}
