import { expect, test } from 'vitest'
import { DrillError } from '../src/error.ts'
import { fromContainer, type StartedDatabaseContainer } from '../src/testcontainers.ts'

test.each([
  ['a container that was not started', {}],
  ['a container that does not know its database', { getConnectionUri: () => '' }],
])('%s is refused with what to give instead', (_, container) => {
  const build = () => fromContainer(container as StartedDatabaseContainer)
  expect(build).toThrow(DrillError)
  expect(build).toThrow(/new PostgreSqlContainer\(…\)\.start\(\).*postgres\(\{ url \}\)/s)
})

test('a container of a database that the drill does not know is refused without its password', () => {
  const url = 'oracle://root:hunter2@127.0.0.1:1521/app'
  const build = () => fromContainer({ getConnectionUri: () => url })
  expect(build).toThrow('The container is of oracle; the drill knows postgres.')
  expect(build).not.toThrow('hunter2')
})
