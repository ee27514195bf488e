import { describe, expect, test } from 'vitest'
import { parseArguments, UsageError } from '../src/arguments.ts'

const plain = {
  kind: 'drill',
  database: 'postgres',
  scenarios: ['alternating-users'],
  rotations: 10,
  rate: 400,
  max: 20,
  url: undefined,
  topology: 'single',
  yes: false,
  iKnow: false,
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
  const choice = 'mysql --scenario leak,idle --rotations 3 --rate 50 --max 4 --no-control'.split(
    ' ',
  )
  const url = 'mysql://admin:secret@db.example:3307'
  const given = [...choice, ...files, '--yes', '--i-know', '--url', url]
  expect(parseArguments(given)).toEqual({
    ...{ kind: 'drill', database: 'mysql', rotations: 3, rate: 50, max: 4, control: false },
    ...{ json: 'out.json', report: 'out.html', color: false },
    ...{ url, topology: 'single', scenarios: ['leak', 'idle'], yes: true, iKnow: true },
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

test('all is every scenario that the database has, wherever it stands', () => {
  for (const parameters of [['all'], ['postgres', 'all'], ['all', 'postgres']]) {
    const command = parseArguments(parameters)
    expect(command).toMatchObject({ database: 'postgres' })
    if (command.kind !== 'drill') throw new Error('That is no drill.')
    expect(command.scenarios).toContain('revoke-early')
    expect(command.scenarios).not.toContain('dual-password')
  }
  expect(parseArguments(['mysql', 'all'])).toMatchObject({
    scenarios: expect.arrayContaining(['dual-password']),
  })
})

test('all on a server of one’s own leaves out what kills the server', () => {
  const failover = expect.arrayContaining(['failover'])
  const url = 'postgres://admin@host/app'
  expect(parseArguments(['all'])).toMatchObject({ scenarios: failover })
  expect(parseArguments(['all', '--url', url])).not.toMatchObject({ scenarios: failover })
})

test('all under Sentinel leaves out what goes through the drill to one server', () => {
  const slow = expect.arrayContaining(['slow-close'])
  expect(parseArguments(['valkey', 'all'])).toMatchObject({ topology: 'single', scenarios: slow })
  const under = parseArguments(['valkey', 'all', '--topology', 'sentinel'])
  expect(under).toMatchObject({ topology: 'sentinel' })
  expect(under).not.toMatchObject({ scenarios: slow })
})

test('a scenario that is named twice is drilled once', () => {
  expect(parseArguments(['--scenario', 'idle,leak,idle'])).toMatchObject({
    scenarios: ['idle', 'leak'],
  })
})

test('what is to be shown or removed is no drill', () => {
  expect(parseArguments(['mysql', '--list'])).toEqual({ kind: 'list' })
  const url = 'valkey://admin@host'
  expect(parseArguments(['--cleanup', '--url', url])).toEqual({
    ...{ kind: 'cleanup', database: 'valkey', url },
  })
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
    [
      ['postgress'],
      'Unknown database "postgress"; did you mean postgres? This version has postgres, mysql,',
    ],
    [['all', 'mysql', 'redis'], 'One database at a time: mysql, redis.'],
    [
      ['--scenario', 'idle,store-behnd'],
      'Unknown scenario "store-behnd"; did you mean store-behind? This version has alternating-users,',
    ],
    [['--scenario', ''], 'Unknown scenario ""; this version has alternating-users,'],
    [
      ['--scenario', 'dual-password'],
      'There is no dual-password on postgres: a role has one password.',
    ],
    [
      ['--scenario', 'failover', '--url', 'postgres://admin@host/app'],
      'There is no failover with --url: it kills the server, and that is done only to one that the drill has started itself.',
    ],
    [
      ['redis', '--topology', 'clustr'],
      'Unknown topology "clustr"; did you mean cluster? This version has single, sentinel, cluster.',
    ],
    [
      ['mysql', '--topology', 'sentinel'],
      'There is no --topology sentinel of mysql: it is for redis and valkey.',
    ],
    [
      ['redis', '--topology', 'cluster', '--scenario', 'long-transactions'],
      'There is no long-transactions with --topology cluster: a transaction is sent as a whole there, and holds no connection.',
    ],
    [
      ['redis', '--topology', 'sentinel', '--url', 'redis://h'],
      '--topology is sentinel; it is how the drill sets up',
    ],
    [
      ['redis', '--topology', 'sentinel', '--scenario', 'slow-close'],
      'There is no slow-close with --topology sentinel: the drill stands between a pool and one server.',
    ],
    [['all', '--scenario', 'leak'], 'Either all scenarios or --scenario, not both.'],
    [['--cleanup'], '--cleanup needs --url: a server that the drill has started is gone.'],
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
