import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import {
  createCredentials,
  fromFunction,
  Rotation,
  type CredentialsCache,
  type CredentialsOptions,
  type LoadedCredentials,
  type RotationDriver,
  type Source,
} from '../src/index.ts'
import { runAlone } from './child.ts'
import { listen, rejection } from './listen.ts'
import { overlap } from './scripted-store.ts'

const source = fromFunction(() => ({ user: 'app', password: 'pw' }))

/** What is wrong with an option is said in the same four words everywhere. */
function refused(option: string, code = 'ERR_REKEY_OPTION'): unknown {
  return expect.objectContaining({
    name: 'RekeyError',
    code,
    option,
    given: expect.any(String),
    allowed: expect.any(String),
  })
}

const notDurations = [Number.NaN, Infinity, -Infinity, -1, '1000', {}, true, 5n]

for (const option of ['ttl', 'loadDeadline', 'loginDeadline'] as const) {
  for (const value of [...notDurations, 0]) {
    test(`${option} of ${inspect(value)} is refused at construction, from user or preset`, () => {
      const given = { overlap, [option]: value } as CredentialsOptions
      expect(() => createCredentials(source, given)).toThrow(refused(option))
      const preset = fromFunction(() => ({ user: 'app', password: 'pw' }), { defaults: given })
      expect(() => createCredentials(preset)).toThrow(refused(option))
    })
  }
}

test.each([Number.NaN, -0.1, 1.1, Infinity, '0.1', {}, true])(
  'a jitter of %s is refused',
  (jitter) => {
    const options = { overlap, jitter } as CredentialsOptions
    expect(() => createCredentials(source, options)).toThrow(refused('jitter'))
  },
)

test.each([undefined, null, 5, 'source', {}, { load: 5 }, () => ({})])(
  '%s is no source',
  (given) => {
    const build = (): unknown => createCredentials(given as unknown as Source, { overlap })
    expect(build).toThrow(refused('source'))
  },
)

test.each([null, 5, 'overlap', true])('%s is no set of options', (options) => {
  const build = (): unknown => createCredentials(source, options as CredentialsOptions)
  expect(build).toThrow(refused('options'))
})

function rotate(options: object): Rotation<object> {
  const cache: CredentialsCache = createCredentials(source, { overlap })
  const driver: RotationDriver<object> = {
    name: 'pool',
    max: 1,
    idle: () => [],
    open: () => undefined,
    retire: () => {},
    destroy: () => {},
    describe: () => undefined,
  }
  return new Rotation(cache, driver, options)
}

for (const option of ['spread', 'drainDeadline', 'closeDeadline']) {
  for (const value of notDurations) {
    test(`rotation.${option} of ${inspect(value)} is refused`, () => {
      expect(() => rotate({ [option]: value })).toThrow(refused(`rotation.${option}`))
    })
  }
}

test.each([
  ['atOnce', 0],
  ['atOnce', 1.5],
  ['atOnce', Number.NaN],
  ['atOnce', '2'],
  ['maxRefusals', 0],
  ['surge', -1],
  ['surge', Infinity],
  ['atDrainDeadline', 'kill'],
  ['atDrainDeadline', true],
])('rotation.%s of %s is refused', (option, value) => {
  expect(() => rotate({ [option]: value })).toThrow(refused(`rotation.${option}`))
})

test('a spread that does not fit into the window is refused', () => {
  expect(() => rotate({ spread: overlap })).toThrow(refused('rotation.spread', 'ERR_REKEY_BUDGET'))
})

const hostile = {
  user: 'app',
  get password(): string {
    throw new Error('this getter throws')
  },
}

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('at once')
    },
  ],
  ['rejects', () => Promise.reject(new Error('later'))],
  [
    'throws nothing',
    () => {
      throw undefined
    },
  ],
  ['answers with a getter that throws', () => hostile],
])('a source that %s fails the load with its own error as the cause', async (_how, load) => {
  const errors = listen('rekey:refresh-error')
  const bad = fromFunction(load as () => LoadedCredentials, { name: 'bad store' })
  await using cache = createCredentials(bad, { overlap })
  const error = await rejection(cache.get())
  expect(error).toMatchObject({
    name: 'RekeyError',
    code: 'ERR_REKEY_LOAD',
    message: 'The source bad store failed.',
  })
  expect(error).toHaveProperty('cause')
  expect(errors).toMatchObject([{ error, serving: undefined }])
})

test('no input makes an unhandled rejection, in the foreground or behind', async () => {
  const { output, code } = await runAlone(`
    import { subscribe } from 'node:diagnostics_channel'
    subscribe('rekey:refresh-error', () => {})
    const good = { user: 'app', password: 'pw' }
    const answers = [
      () => good, () => { throw new Error('thrown') }, () => Promise.reject(undefined), () => undefined, () => null,
      () => 'text', () => ({}), () => ({ user: 'app', password: '' }), () => new Promise(() => {}),
      () => ({ then: () => { throw new Error('from then') } }), () => ({ ...good, version: 5 }),
      () => ({ ...good, version: 'v' }), () => ({ user: 'app', password: 'other', version: 'v' }),
    ]
    const ends = []
    for (const first of answers) {
      let at = answers.indexOf(first)
      const source = core.fromFunction(() => answers[at++ % answers.length]())
      source.watch = (onChange, { onError }) => { setTimeout(onChange, 5); onError(new Error('watch')) }
      const cache = core.createCredentials(source, { overlap: 1_000, ttl: 20, loadDeadline: 20, loginDeadline: 20 })
      for (let call = 0; call < 5; call += 1) {
        cache.get().catch(() => {})
        cache.refresh({ urgent: true }).catch(() => {})
        cache.invalidate(cache.current?.version)
      }
      ends.push(cache)
    }
    setTimeout(async () => {
      for (const cache of ends) await cache.close()
      console.log('closed')
    }, 1_000)
  `)
  expect({ output, code }).toEqual({ output: 'closed\n', code: 0 })
}, 30_000)
