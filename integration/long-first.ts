import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes long, however short the file is. The first computes, and the others mostly wait. */
const long = [
  'packages/core/test/rotation.random.test.ts',
  'integration/ioredis/sentinel.test.ts',
].map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)))

/**
 * Starts what takes long before all else, so that nothing is left to run alone at the end; vitest itself goes by the size
 * of the files where it has never seen them run, and by project.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = long.filter((file) => !existsSync(file))
    if (missing.length > 0) throw new Error(`There is no ${missing.join(', ')}.`)
    // oxlint-disable-next-line unicorn/no-array-sort -- that is vitest's
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification): number => long.indexOf(moduleId)
    return [
      ...sorted.filter((file) => place(file) >= 0).toSorted((a, b) => place(a) - place(b)),
      ...sorted.filter((file) => place(file) < 0),
    ]
  }
}
