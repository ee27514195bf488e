import { names } from './databases.ts'
import { missingTopologies, ownServerOnly, scenarioNames, scenarios } from './scenarios/index.ts'

/** All scenarios as text, each with what happens in it, and where there is no such thing. */
export function listScenarios(): string {
  const width = Math.max(...scenarioNames.map((name) => name.length)) + 2
  return scenarioNames
    .map((name) => {
      const { sentence, missing = {}, ownServer = false } = scenarios[name]
      const without = names.flatMap((database) => {
        const why = missing[database]
        return why === undefined ? [] : [`Not on ${database}: ${why}.`]
      })
      for (const [why, where] of missingTopologies(scenarios[name])) {
        without.push(`Not with --topology ${where.join(' or ')}: ${why}.`)
      }
      if (ownServer) without.push(`Not with --url: ${ownServerOnly}.`)
      return `${name.padEnd(width)}${[sentence, ...without].join(`\n${' '.repeat(width)}`)}\n`
    })
    .join('')
}
