import { describe, expect, test } from 'vitest'
import { parseArguments, UsageError } from '../src/arguments.ts'

const plain = {
  kind: 'drill',
  database: 'postgres',
  rotations: 10,
  rate: 400,
  max: 20,
  url: undefined,
  control: true,
  json: undefined,
  report: undefined,
  color: true,
}

test('no argument means PostgreSQL, ten rotations and a control', () => {
  expect(parseArguments([])).toEqual(plain)
  expect(parseArguments(['postgres'])).toEqual(plain)
})

test.each(['postgres', 'mysql', 'mariadb', 'redis', 'valkey'])('%s is a database', (database) => {
  expect(parseArguments([database])).toEqual({ ...plain, database })
})

test('every option is understood', () => {
  const files = '--json out.json --report out.html --no-color'.split(' ')
  const given = [...'mysql --rotations 3 --rate 50 --max 4 --no-control'.split(' '), ...files]
  const url = 'mysql://admin:secret@db.example:3307'
  expect(parseArguments([...given, '--url', url])).toEqual({
    ...{ kind: 'drill', database: 'mysql', rotations: 3, rate: 50, max: 4, control: false },
    ...{ json: 'out.json', report: 'out.html', color: false, url },
  })
})

test.each([
  [['--url', 'postgres://admin@host/app'], 'postgres'],
  [['--url', 'postgresql://admin@host/app'], 'postgres'],
  [['--url', 'mysql://admin@host'], 'mysql'],
  [['--url', 'mariadb://admin@host'], 'mariadb'],
  [['mariadb', '--url', 'mysql://admin@host'], 'mariadb'],
  [['--url', 'redis://host'], 'redis'],
  [['--url', 'rediss://admin@host'], 'redis'],
  [['--url', 'valkey://admin@host'], 'valkey'],
  [['valkey', '--url', 'redis://admin@host'], 'valkey'],
])('%j is of %s', (parameters, database) => {
  expect(parseArguments(parameters)).toMatchObject({ database })
})

test('--help wins over everything else', () => {
  expect(parseArguments(['oracle', '--help', '--max', '0'])).toEqual({ kind: 'help' })
})

describe('what is not allowed is refused with what is', () => {
  test.each([
    [
      ['oracle'],
      'Unknown database "oracle"; this version has postgres, mysql, mariadb, redis, valkey.',
    ],
    [['redis', '--url', 'valkey://h'], '--url is of valkey, and the drill was asked for redis.'],
    [
      ['mysql', '--url', 'postgres://h'],
      '--url is of postgres, and the drill was asked for mysql.',
    ],
    [['mysql', '--url', 'mariadb://h'], '--url is of mariadb, and the drill was asked for mysql.'],
    [['postgres', 'mysql'], 'One database at a time: postgres, mysql.'],
    [['--rotations', '0'], '--rotations is "0"; it must be a whole number from 1 to 1000.'],
    [['--rotations=-1'], '--rotations is "-1"; it must be a whole number from 1 to 1000.'],
    [['--rate', '1.5'], '--rate is "1.5"; it must be a whole number from 1 to 10000.'],
    [['--rate', 'NaN'], '--rate is "NaN"; it must be a whole number from 1 to 10000.'],
    [['--max', ''], '--max is ""; it must be a whole number from 1 to 500.'],
    [['--max', '501'], '--max is "501"; it must be a whole number from 1 to 500.'],
    [
      ['--url', 'localhost'],
      '--url is not of the form postgres://admin@host:port/database or mysql',
    ],
    [['--json', ''], '--json is empty; it must be the name of a file.'],
    [['--frobnicate'], "Unknown option '--frobnicate'"],
    [['--report', ''], '--report is empty; it must be the name of a file.'],
    [['--max'], "Option '--max <value>' argument missing"],
  ])('%j', (parameters, message) => {
    expect(() => parseArguments(parameters)).toThrow(UsageError)
    expect(() => parseArguments(parameters)).toThrow(message)
  })

  test('a URL is not shown: it may carry a password', () => {
    const parameters = ['--url', 'http://admin:hunter2@host']
    expect(() => parseArguments(parameters)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    )
  })
})
