import { expect, test } from 'vitest'
import { DrillError } from '../src/error.ts'
import { fromContainer, type StartedDatabaseContainer } from '../src/testcontainers.ts'

test.each([
  ['a container that was not started', {}],
  ['a container that does not know its database', { getConnectionUri: () => '' }],
])('%s is refused with what to give instead', (_, container) => {
  const build = () => fromContainer(container as StartedDatabaseContainer)
  expect(build).toThrow(DrillError)
  expect(build).toThrow(/`start\(\)` of a `PostgreSqlContainer`.*`mysql\(\{ url \}\)`/s)
})

test('a container of a database that the drill does not know is refused without its password', () => {
  const url = 'oracle://root:hunter2@127.0.0.1:1521/app'
  const build = () => fromContainer({ getConnectionUri: () => url })
  expect(build).toThrow(
    'The container is of oracle; the drill knows postgres, mysql, mariadb, redis, valkey.',
  )
  expect(build).not.toThrow('hunter2')
})

test.each(['postgres', 'postgresql', 'mysql', 'mariadb'])(
  'a container of %s is reached as an account that may create others',
  async (scheme) => {
    const getConnectionUri = (asRoot?: boolean): string =>
      `${scheme}://${asRoot ? 'root' : 'app'}:hunter2@127.0.0.1:1/app`
    const start = fromContainer({ getConnectionUri })
    const started = start({ max: 1, signal: new AbortController().signal })
    await expect(started).rejects.toThrow('could not be reached at 127.0.0.1:1 as root')
  },
)

test.each(['redis', 'valkey'])(
  'a container of %s is reached as its default user',
  async (scheme) => {
    const start = fromContainer({ getConnectionUrl: () => `${scheme}://:hunter2@127.0.0.1:1` })
    const started = start({ max: 4, signal: new AbortController().signal })
    await expect(started).rejects.toThrow('could not be reached at 127.0.0.1:1 as default')
  },
)
