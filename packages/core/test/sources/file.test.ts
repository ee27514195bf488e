import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import {
  createCredentials,
  fromFile,
  type FileFields,
  type FileOptions,
  type LoadedCredentials,
  type RekeyError,
  type Source,
} from '../../src/index.ts'
import { whileSteady } from '../../src/sources/file-set.ts'
import { runAlone } from '../child.ts'
import { listen, rejection } from '../listen.ts'
import { folder, replace, SecretVolume } from './folder.ts'

const { signal } = new AbortController()

async function read(source: Source): Promise<LoadedCredentials> {
  return source.load({ signal })
}

async function failure(source: Source): Promise<RekeyError> {
  return (await rejection(read(source))) as RekeyError
}

/** Watches until the test ends; each call of `next` resolves at the next change that is noticed. */
function watched(source: Source): { next(): Promise<void>; changes(): number } {
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  let changes = 0
  let noticed = Promise.withResolvers<void>()
  source.watch?.(
    () => {
      changes += 1
      noticed.resolve()
    },
    { signal: ending.signal, onError: (error) => expect.unreachable(String(error)) },
  )
  return {
    next: () => {
      noticed = Promise.withResolvers()
      return noticed.promise
    },
    changes: () => changes,
  }
}

test('a JSON file gives user, password, version and expiry', async () => {
  const path = join(await folder(), 'db.json')
  await writeFile(
    path,
    '{ "user": "app", "password": "pw", "version": "7", "expiresAt": "2030-01-01T00:00:00Z", "host": "x" }\n',
  )
  expect(await read(fromFile(path))).toEqual({
    user: 'app',
    password: 'pw',
    version: '7',
    expiresAt: new Date(Date.UTC(2030, 0, 1)),
  })
})

test('a JSON file may say username, a version as a number, and a time in milliseconds', async () => {
  const path = join(await folder(), 'db.json')
  await writeFile(
    path,
    JSON.stringify({ username: 'app', password: 'pw', version: 7, expiresAt: 5 }),
  )
  expect(await read(fromFile(path))).toEqual({
    user: 'app',
    password: 'pw',
    version: '7',
    expiresAt: 5,
  })
})

test.each([
  ['a broken one', '{ "user": "app", "password": "hunter2-s3cret" '],
  ['one with a comment', '// hunter2-s3cret\n{}'],
  ['plain text', 'hunter2-s3cret'],
  ['a JSON text', '"hunter2-s3cret"'],
  ['null', 'null'],
  ['an empty one', ''],
])('a JSON file that is %s is refused without a word of its content', async (_what, content) => {
  const path = join(await folder(), 'db.json')
  await writeFile(path, content)
  const error = await failure(fromFile(path))
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option: path })
  expect(error.cause).toBeUndefined()
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test.each<[string, (path: string) => string | FileFields]>([
  ['JSON', (path) => path],
  ['a user', (path) => ({ user: path, password: `${path}.other` })],
  ['a password', (path) => ({ user: `${path}.other`, password: path })],
])('a file of 10 MB for %s is refused without a word of it', async (_what, place) => {
  const path = join(await folder(), 'db')
  const password = 'hunter2'.repeat(1_500_000)
  await writeFile(path, JSON.stringify({ user: 'app', password }))
  await writeFile(`${path}.other`, 'app')
  const error = await failure(fromFile(place(path)))
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option: path })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
})

test('what is missing or of a wrong type in a JSON file is named, and not shown', async () => {
  const path = join(await folder(), 'db.json')
  const cache = createCredentials(fromFile(path, { watch: false }), { overlap: 60_000 })
  onTestFinished(() => cache.close())
  const table: [string, string, object][] = [
    ['user', 'nothing', { password: 'hunter2' }],
    ['password', 'a number', { user: 'app', password: 12_345 }],
    ['password', 'an object', { user: 'app', password: ['hunter2'] }],
    ['version', 'an object', { user: 'app', password: 'hunter2', version: {} }],
    ['expiresAt', 'an object', { user: 'app', password: 'hunter2', expiresAt: 'tomorrow' }],
  ]
  listen('rekey:refresh-error')
  for (const [option, given, content] of table) {
    await writeFile(path, JSON.stringify(content))
    const error = await rejection(cache.refresh())
    expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option, given })
    expect(inspect(error, { depth: 10 })).not.toMatch(/hunter2|12345|12_345/)
  }
})

test('a file per field gives both, each without the newline at its end', async () => {
  const directory = await folder()
  const place = { user: join(directory, 'user'), password: join(directory, 'password') }
  await writeFile(place.user, 'app\n')
  await writeFile(place.password, ' pw with spaces \r\n')
  expect(await read(fromFile(place))).toEqual({ user: 'app', password: ' pw with spaces ' })
  await writeFile(place.password, 'pw\n\n')
  expect(await read(fromFile(place))).toEqual({ user: 'app', password: 'pw\n' })
})

test('two files that are replaced a moment after each other are read until they agree', async () => {
  const directory = await folder()
  const place = { user: join(directory, 'user'), password: join(directory, 'password') }
  const source = fromFile(place)
  await replace(place.password, 'password-0')
  for (let round = 1; round <= 10; round += 1) {
    await replace(place.user, `user-${round}`)
    const reading = read(source)
    await replace(place.password, `password-${round}`)
    expect(await reading).toEqual({ user: `user-${round}`, password: `password-${round}` })
  }
})

test('a mounted secret gives the pair behind its link', async () => {
  const directory = await folder()
  await new SecretVolume(directory).write({ username: 'app\n', password: 'pw' })
  const source = fromFile({ directory, user: 'username', password: 'password' })
  expect(await read(source)).toEqual({ user: 'app', password: 'pw' })
})

test('a mounted secret that is swapped 200 times while it is read never gives a torn pair', async () => {
  const directory = await folder()
  const volume = new SecretVolume(directory)
  const source = fromFile({ directory, user: 'username', password: 'password' })
  const write = (round: number): Promise<void> =>
    volume.write({ username: `user-${round}`, password: `password-${round}` })
  await write(0)
  let swapping = true
  const seen = new Set<string>()
  const reader = async (): Promise<void> => {
    let newest = 0
    while (swapping) {
      const { user, password } = await read(source)
      expect(String(password).replace('password', 'user')).toBe(user)
      const round = Number(user.replace('user-', ''))
      expect(round).toBeGreaterThanOrEqual(newest)
      newest = round
      seen.add(user)
    }
  }
  const readers = [reader(), reader(), reader()]
  for (let round = 1; round <= 200; round += 1) await write(round)
  swapping = false
  await Promise.all(readers)
  expect(seen.size).toBeGreaterThan(20)
  expect(await read(source)).toEqual({ user: 'user-200', password: 'password-200' })
}, 60_000)

test('a mounted secret that is swapped during every reading is given up after a while', async () => {
  const volume = new SecretVolume(await folder())
  await volume.write({ key: 'first' })
  const swap = (): Promise<void> => volume.write({ key: 'next' })
  expect(await rejection(whileSteady(volume.directory, swap))).toMatchObject({
    code: 'ERR_REKEY_ANSWER',
    message: `${volume.directory} changes faster than it can be read.`,
  })
})

test('a change to another key of the mounted secret is no new version', async () => {
  const directory = await folder()
  const volume = new SecretVolume(directory)
  const source = fromFile({ directory, user: 'username', password: 'password' }, { watch: false })
  await using cache = createCredentials(source, { overlap: 60_000 })
  await volume.write({ username: 'app', password: 'pw', other: '1' })
  const { version } = await cache.get()
  await volume.write({ username: 'app', password: 'pw', other: '2' })
  expect((await cache.refresh()).version).toBe(version)
  await volume.write({ username: 'app', password: 'pw2', other: '2' })
  expect((await cache.refresh()).version).not.toBe(version)
})

test('a swap of the mounted secret is noticed without polling', async () => {
  const directory = await folder()
  const volume = new SecretVolume(directory)
  await volume.write({ username: 'app', password: 'pw-0' })
  const source = fromFile({ directory, user: 'username', password: 'password' })
  await using cache = createCredentials(source, { overlap: 24 * 3_600_000 })
  await cache.get()
  for (let round = 1; round <= 5; round += 1) {
    const changed = new Promise<string>((resolve) => {
      const unsubscribe = cache.subscribe(({ credentials }) => {
        unsubscribe()
        resolve(credentials.password.reveal())
      })
    })
    await volume.write({ username: 'app', password: `pw-${round}` })
    expect(await changed).toBe(`pw-${round}`)
  }
})

test.each([
  ['written in place', writeFile],
  ['replaced', replace],
])('a file that is %s is noticed, again and again', async (_how, write) => {
  const path = join(await folder(), 'db.json')
  await writeFile(path, '{}')
  const watch = watched(fromFile(path))
  for (let round = 0; round < 5; round += 1) {
    const noticed = watch.next()
    await write(path, `{ "user": "app", "password": "pw-${round}" }`)
    await noticed
  }
  // A burst is one change, or a few where the machine is slow: never one for each write.
  const before = watch.changes()
  const noticed = watch.next()
  for (let step = 0; step < 200; step += 1) await write(path, `{ "step": ${step} }`)
  await noticed
  expect(watch.changes() - before).toBeLessThan(100)
})

test('files in two directories are both watched, and their neighbours are nobody’s business', async () => {
  const directory = await folder()
  const place = { user: join(directory, 'a', 'user'), password: join(directory, 'b', 'password') }
  await mkdir(join(directory, 'a'))
  await mkdir(join(directory, 'b'))
  const watch = watched(fromFile(place))
  await writeFile(join(directory, 'a', 'neighbour'), 'x')
  let noticed = watch.next()
  await writeFile(place.user, 'app')
  await noticed
  expect(watch.changes()).toBe(1)
  noticed = watch.next()
  await writeFile(place.password, 'pw')
  await noticed
})

test('watch: false leaves it to polling', () => {
  expect(fromFile('/etc/db.json', { watch: false })).not.toHaveProperty('watch')
  expect(fromFile('/etc/db.json')).toHaveProperty('watch', expect.any(Function))
})

test('a directory that cannot be watched is reported, and the load still tells what is wrong', async () => {
  const errors = listen('rekey:refresh-error')
  await using cache = createCredentials(fromFile('/nowhere/at/all.json'), { overlap: 60_000 })
  const error = await rejection(cache.get())
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', option: '/nowhere/at/all.json' })
  expect(errors).toMatchObject([{ error: { code: 'ENOENT', syscall: 'watch' } }, { error }])
})

test('a process that watches files ends by itself, and with close leaves nothing open', async () => {
  const directory = await folder()
  const path = join(directory, 'db.json')
  await writeFile(path, '{ "user": "app", "password": "pw" }')
  const { output, code } = await runAlone(`
    const caches = [1, 2].map(() =>
      core.createCredentials(core.fromFile(${JSON.stringify(path)}), { overlap: 3_600_000 }))
    for (const cache of caches) console.log((await cache.get()).user)
    await caches[0].close()
  `)
  expect({ output, code }).toEqual({ output: 'app\napp\n', code: 0 })
}, 30_000)

test.each<[string, (directory: string) => string | FileFields, RegExp]>([
  ['is missing', (directory) => join(directory, 'missing.json'), /missing\.json does not exist/],
  [
    'lies in a missing directory',
    (directory) => join(directory, 'no', 'db.json'),
    /does not exist/,
  ],
  ['is a directory', (directory) => directory, /is a directory; name a file/],
  ['lies under a file', (directory) => join(directory, 'file', 'db.json'), /no directory/],
  [
    'is missing beside the other',
    (directory) => ({ user: join(directory, 'file'), password: join(directory, 'missing') }),
    /missing does not exist/,
  ],
  [
    'is a missing secret',
    (directory) => ({ directory: join(directory, 'no'), user: 'u', password: 'p' }),
    /no does not exist/,
  ],
])('a file that %s gives an error that says so', async (_what, place, message) => {
  const directory = await folder()
  await writeFile(join(directory, 'file'), 'app')
  const error = await failure(fromFile(place(directory)))
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD', message: expect.stringMatching(message) })
  expect(error.cause).toBeInstanceOf(Error)
})

test('a key that the mounted secret does not have gives an error that names it', async () => {
  const directory = await folder()
  await new SecretVolume(directory).write({ username: 'app', password: 'pw' })
  const error = await failure(fromFile({ directory, user: 'usr', password: 'password' }))
  expect(error).toMatchObject({ code: 'ERR_REKEY_LOAD' })
  expect(error.message).toMatch(/usr does not exist/)
})

test('a directory without the link says that a subPath mount never changes', async () => {
  const directory = await folder()
  await writeFile(join(directory, 'username'), 'app')
  await writeFile(join(directory, 'password'), 'pw')
  const error = await failure(fromFile({ directory, user: 'username', password: 'password' }))
  expect(error).toMatchObject({ code: 'ERR_REKEY_ANSWER', option: 'directory' })
  expect(error.message).toMatch(/subPath, which never changes/)
})

test('a file that may not be read gives an error that says so', async () => {
  const path = join(await folder(), 'db.json')
  await writeFile(path, '{}')
  await chmod(path, 0)
  const isRoot = process.geteuid?.() === 0
  // Root may read everything, so it is somebody else for the moment.
  if (isRoot) process.seteuid?.(65_534)
  const error = await failure(fromFile(path)).finally(() => isRoot && process.seteuid?.(0))
  expect(error).toMatchObject({
    code: 'ERR_REKEY_LOAD',
    message: expect.stringContaining('may not be read by this process'),
  })
})

test('a link that leads in a circle gives its system code', async () => {
  const path = join(await folder(), 'db.json')
  await symlink(path, path)
  expect((await failure(fromFile(path))).message).toContain('cannot be read (ELOOP)')
})

test('a file that comes back is read again', async () => {
  const path = join(await folder(), 'db.json')
  await writeFile(path, '{ "user": "app", "password": "pw" }')
  const source = fromFile(path)
  await read(source)
  await rm(path)
  await failure(source)
  await replace(path, '{ "user": "app", "password": "pw2" }')
  expect((await read(source)).password).toBe('pw2')
})

test.each<[string, unknown, FileOptions | undefined, string]>([
  ['nothing', undefined, undefined, 'path'],
  ['null', null, undefined, 'path'],
  ['an empty path', '', undefined, 'path'],
  ['a number', 5, undefined, 'path'],
  ['no user', { password: '/p' }, undefined, 'user'],
  ['no password', { user: '/u' }, undefined, 'password'],
  ['an empty password path', { user: '/u', password: '' }, undefined, 'password'],
  ['a number as a password path', { user: '/u', password: 12_345 }, undefined, 'password'],
  ['an empty directory', { directory: '', user: 'u', password: 'p' }, undefined, 'directory'],
  ['a word for watch', '/f', { watch: 'yes' as unknown as boolean }, 'watch'],
])('fromFile with %s is refused at once', (_what, place, options, option) => {
  let error: unknown
  try {
    fromFile(place as string, options)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ code: 'ERR_REKEY_OPTION', option, allowed: expect.any(String) })
  expect(inspect(error)).not.toContain('12345')
})
