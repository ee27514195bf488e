import { expect, test } from 'vitest'
import { runAlone } from './child.ts'

test('a timer keeps the process alive only where somebody waits for it', async () => {
  const { output, code } = await runAlone(`
    core.systemClock.after(60_000, () => console.log('too late'))
    core.systemClock.after(100, () => console.log('waited for'), { keepAlive: true })
  `)
  expect({ output, code }).toEqual({ output: 'waited for\n', code: 0 })
}, 30_000)

test('a process whose cache refreshes ends by itself', async () => {
  const { output, code } = await runAlone(`
    let loads = 0
    const source = core.fromFunction(() => ({ user: 'app', password: 'pw-' + ++loads }))
    const cache = core.createCredentials(source, { overlap: 1_000, ttl: 20 })
    await cache.get()
    console.log('loaded')
    setTimeout(() => console.log(loads > 1 ? 'refreshed' : 'not refreshed'), 200)
  `)
  expect({ output, code }).toEqual({ output: 'loaded\nrefreshed\n', code: 0 })
}, 30_000)

test('a process that awaits the first load stays until the answer, or the deadline', async () => {
  const { output, code } = await runAlone(`
    const slow = core.fromFunction(({ signal }) => new Promise((resolve) => {
      setTimeout(() => resolve({ user: 'app', password: 'pw' }), 100).unref()
    }))
    console.log((await core.createCredentials(slow, { overlap: 10_000 }).get()).user)
    const never = core.fromFunction(() => new Promise(() => {}))
    const silent = core.createCredentials(never, { overlap: 10_000, loadDeadline: 100 })
    await silent.get().catch((error) => console.log(error.code))
    await silent.get().catch((error) => console.log(error.code))
  `)
  expect({ output, code }).toEqual({
    output: 'app\nERR_REKEY_LOAD_DEADLINE\nERR_REKEY_LOAD_DEADLINE\n',
    code: 0,
  })
}, 30_000)
