import { expect, test } from 'vitest'
import { DrillError } from '../src/error.ts'
import { dialectOf } from '../src/targets/mysql/dialect.ts'
import { twoPasswords } from '../src/targets/mysql/two-passwords.ts'

test.each([
  ['9.7.4', 'mysql', 'MySQL 9.7.4'],
  ['8.0.42-0ubuntu0.24.04.1', 'mysql', 'MySQL 8.0.42'],
  ['11.8.9-MariaDB-4 from Debian', 'mariadb', 'MariaDB 11.8.9'],
  ['10.11.6-MariaDB-log', 'mariadb', 'MariaDB 10.11.6'],
])('a server of version %s is %s', (version, database, server) => {
  expect(dialectOf(version)).toMatchObject({ database, server })
})

const login = { user: 'app', password: 'new', version: '2' }

test.each([
  ['8.0.13', 'MySQL 8.0.13 has no accounts with two passwords, which came with 8.0.14'],
  ['5.7.44-log', 'MySQL 5.7.44 has no accounts with two passwords, which came with 8.0.14'],
  ['10.3.39-MariaDB', 'MariaDB 10.3.39 has no accounts with two passwords, which came with 10.4.0'],
])('%s is too old for two passwords, and is not asked for them', async (version, message) => {
  const asked: string[] = []
  const two = twoPasswords(dialectOf(version), async (text) => asked.push(text))
  const adding = two.add(login, { ...login, password: 'old' })
  await expect(adding).rejects.toThrow(DrillError)
  await expect(adding).rejects.toThrow(message)
  expect(asked).toEqual([])
})

test.each(['8.0.14', '8.4.0', '9.7.4', '10.4.0-MariaDB', '11.8.9-MariaDB'])(
  '%s is not',
  async (version) => {
    const asked: string[] = []
    const two = twoPasswords(dialectOf(version), async (text) => asked.push(text))
    await two.add(login, { ...login, password: 'old' })
    expect(asked.length).toBe(1)
  },
)
