import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import {
  createCredentials,
  fromEnv,
  fromFile,
  Logins,
  RekeyError,
  Rotation,
  type LoadedCredentials,
  type Source,
} from '../src/index.ts'
import { channels, warnings } from './listen.ts'
import { loadedScene, overlap, ttl } from './scripted-store.ts'
import { folder } from './sources/folder.ts'
import { settled } from './virtual-clock.ts'

const secret = 'Tr0ub4dor&3-"quoted"\\'

/** Everything that a careless program could print of a value. */
function printed(value: unknown): string {
  const parts = [
    inspect(value, { depth: 10, showHidden: true, getters: true, maxArrayLength: null }),
    inspect(value, { depth: 10, customInspect: false, showHidden: true }),
    String(value),
  ]
  if (value instanceof Error) parts.push(value.message, value.stack ?? '')
  if (value instanceof Error && value.cause !== undefined) parts.push(printed(value.cause))
  try {
    parts.push(JSON.stringify(value))
  } catch {
    // Not everything is JSON.
  }
  return parts.join('\n')
}

/** Whether a text holds the secret: as it is, escaped, encoded, or half of it. */
function holdsSecret(text: string): boolean {
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
    secret.slice(0, 10),
    secret.slice(-10),
  ]
  return forms.some((form) => text.includes(form))
}

/** Collects what is said on all channels and in warnings while a test runs. */
function everythingSaid(): { said: unknown[]; names: Set<string> } {
  const said: unknown[] = warnings()
  const names = new Set<string>()
  const hear = (message: unknown, name: string | symbol): void => {
    said.push(message)
    names.add(String(name))
  }
  for (const name of channels) subscribe(name, hear)
  onTestFinished(() => {
    for (const name of channels) unsubscribe(name, hear)
  })
  return { said, names }
}

test('the search finds a secret that is there', () => {
  expect(holdsSecret(printed(new Error(secret)))).toBe(true)
  expect(holdsSecret(printed(new Error('x', { cause: { deep: [{ password: secret }] } })))).toBe(
    true,
  )
  expect(holdsSecret(printed({ encoded: Buffer.from(secret).toString('base64') }))).toBe(true)
  expect(holdsSecret(printed(new Map([['password', secret]])))).toBe(true)
})

test('a run with failing loads, torn pairs, rubbish and refused logins says the secret nowhere', async () => {
  const { said, names } = everythingSaid()
  const { store, clock, cache } = await loadedScene()
  const kept: unknown[] = [cache]
  const attempt = async (answer: unknown): Promise<void> => {
    store.answer = answer
    kept.push(await cache.refresh().catch((error: unknown) => error))
    await clock.advance(1_000)
  }

  const connection = {}
  const rotation = new Rotation<object>(cache, {
    name: 'pool',
    max: 1,
    idle: () => [],
    open: () => undefined,
    retire: () => {},
    destroy: () => {},
    describe: () => 'connection 1',
  })
  rotation.dialling(connection)
  const logins = new Logins(cache, { pool: 'other pool' })
  kept.push(rotation, logins)
  const login = logins.start('caller')
  login.next(
    (credentials) => {
      kept.push(credentials)
      if (rotation.generations.length > 0) rotation.tag(connection, credentials)
      login.accepted()
    },
    (error) => kept.push(error),
  )
  rotation.ready(connection)

  await attempt({ user: 'app', password: secret, version: 'v2' })
  const probe = logins.start('probe')
  probe.next(
    () => probe.refused(new Error('password authentication failed for user "app"')),
    (error) => kept.push(error),
  )
  await attempt({ user: 'app', password: `${secret}!`, version: 'v2' })
  await attempt({ user: 'app', password: [secret], version: 'v3' })
  await attempt({ user: { password: secret }, password: 'pw' })
  await attempt({ user: 'app', password: { value: secret } })
  await attempt({ user: 'app', password: secret, version: { secret } })
  await attempt({ user: 'app', password: secret, expiresAt: secret })
  await attempt({ user: 'app', password: secret, issuedAt: { secret } })
  await attempt(secret)
  await attempt({ user: '', password: secret })
  await attempt({ user: 'app', password: secret })
  store.publish('v1')
  await attempt(store.answer)
  await attempt({ user: 'app', password: secret, version: 'v9' })
  await attempt({ user: 'app', password: secret, version: 'v1' })
  store.silent = true
  await clock.advance(2 * ttl)
  await settled()
  kept.push(structuredClone(cache.current), cache.fresh(), login, probe, rotation.generations)
  rotation.close()
  await cache.close()
  kept.push(await cache.get().catch((error: unknown) => error))

  for (const value of [...said, ...kept]) {
    const text = printed(value)
    expect(holdsSecret(text), text.slice(0, 2_000)).toBe(false)
  }
  // The run did say things, and the secret was in use.
  expect(names).toEqual(
    new Set([
      'rekey:change',
      'rekey:refresh-error',
      'rekey:stale-answer',
      'rekey:candidate-refused',
      'rekey:verified',
      'rekey:stalled',
    ]),
  )
  expect(kept.filter((value) => value instanceof RekeyError).length).toBeGreaterThan(8)
  expect(cache.current?.password.reveal()).toBe(secret)
})

test('files and variables with the secret in the wrong place say it nowhere', async () => {
  const { said } = everythingSaid()
  const path = join(await folder(), 'db.json')
  const contents = [
    `{ "user": "app", "password": "${secret}" `,
    secret,
    JSON.stringify(secret),
    JSON.stringify([secret]),
    JSON.stringify({ user: { secret }, password: secret }),
    JSON.stringify({ user: 'app', password: [secret] }),
    JSON.stringify({ user: 'app', password: secret, expiresAt: secret }),
  ]
  const kept: unknown[] = []
  const load = async (source: Source): Promise<LoadedCredentials | undefined> => {
    const cache = createCredentials(source, { overlap })
    kept.push(source, cache, await cache.get().catch((error: unknown) => error))
    await cache.close()
    return undefined
  }
  for (const content of contents) {
    await writeFile(path, content)
    await load(fromFile(path, { watch: false }))
  }
  await load(fromEnv({ user: 'U', password: 'P' }, { U: '', P: secret }))
  await load(fromEnv({ user: 'U', password: 'P' }, { P: secret }))
  const errors = kept.filter((value) => value instanceof RekeyError)
  expect(errors).toHaveLength(contents.length + 2)
  for (const value of [...said, ...kept]) {
    const text = printed(value)
    expect(holdsSecret(text), text.slice(0, 2_000)).toBe(false)
  }
})
