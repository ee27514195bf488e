import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** Fails a run in which a project had no test to run, which vitest itself minds only if none had. */
export default class EveryProjectReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const ran = new Set(
      modules
        .filter((module) => [...module.children.allTests()].some((test) => test.ok()))
        .map(({ project }) => project.name),
    )
    for (const { name } of this.#vitest?.projects ?? []) {
      if (ran.has(name)) continue
      console.error(`No test of the project "${name}" has run and passed.`)
      process.exitCode = 1
    }
  }
}
