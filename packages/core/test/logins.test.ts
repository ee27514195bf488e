import { expect, onTestFinished, test } from 'vitest'
import { Logins, type Login, type LoginPurpose, type LoginsOptions } from '../src/index.ts'
import { proofLasts } from '../src/schedule.ts'
import { runAlone } from './child.ts'
import { listen, warnings } from './listen.ts'
import { loadedScene, scene, type Scene } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

const loginDeadline = 5_000

/** One connection that logs in, as an adapter does it. */
class Connection {
  readonly login: Login
  /** The version that it is to try now. */
  trying: string | undefined
  gaveUp: unknown
  turns = 0

  constructor(logins: Logins, purpose: LoginPurpose) {
    this.login = logins.start(purpose)
    this.next()
  }

  next(): this {
    this.trying = undefined
    this.login.next(
      ({ version }) => {
        this.trying = version
        this.turns += 1
      },
      (error) => (this.gaveUp = error),
    )
    return this
  }

  accepted(): this {
    this.login.accepted()
    return this
  }

  refused(error: unknown = new Error('28P01'), refusal?: 'locked'): this {
    this.login.refused(error, refusal)
    return this.next()
  }
}

interface Desk extends Scene {
  logins: Logins
  caller: () => Connection
  probe: () => Connection
  publish: (version: string) => Promise<void>
}

async function desk(options: Partial<LoginsOptions> = {}): Promise<Desk> {
  const made = await loadedScene()
  await made.clock.advance(10_000)
  const logins = new Logins(made.cache, { pool: 'pool', ...options })
  onTestFinished(() => logins.close())
  return {
    ...made,
    logins,
    caller: () => new Connection(logins, 'caller'),
    probe: () => new Connection(logins, 'probe'),
    publish: async (version) => {
      made.store.publish(version)
      const { version: adopted } = await made.cache.refresh()
      expect(adopted).toBe(version)
      const { current } = made.cache
      if (current !== undefined) logins.adopt(current)
    },
  }
}

test('the newest is proven: a caller uses it', async () => {
  const { caller, publish, probe } = await desk()
  caller().accepted()
  expect(caller().trying).toBe('v1')
  await publish('v2')
  probe().accepted()
  expect(caller().trying).toBe('v2')
})

test('the newest is not proven and the last one works: a caller uses the last one, a probe the newest', async () => {
  const { caller, publish, probe } = await desk()
  caller().accepted()
  await publish('v2')
  expect(caller().trying).toBe('v1')
  const proving = probe()
  expect(proving.trying).toBe('v2')
  expect(caller().trying).toBe('v1')
  proving.accepted()
  expect(caller().trying).toBe('v2')
})

test('nothing is proven and nothing has worked: one login tries the newest, the others wait for it', async () => {
  const { caller } = await desk()
  const [first, second, third] = [caller(), caller(), caller()]
  expect([first.trying, second.trying, third.trying]).toEqual(['v1', undefined, undefined])
  first.accepted()
  expect([second.trying, third.trying]).toEqual(['v1', 'v1'])
})

test('the newest is not proven and the last one is refused: one login tries the newest', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish } = await desk()
  caller().accepted()
  await publish('v2')
  const [first, second] = [caller(), caller()]
  first.refused()
  expect(first.trying).toBe('v2')
  second.refused()
  expect(second.trying).toBeUndefined()
  first.accepted()
  expect(second.trying).toBe('v2')
})

test('the newest is refused and the last one works: a caller uses the last one', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish, probe } = await desk()
  caller().accepted()
  await publish('v2')
  probe().refused()
  expect(caller().trying).toBe('v1')
})

test('the newest is refused and nothing has worked: the pair before it stands in, one login at a time', async () => {
  listen('rekey:candidate-refused')
  const made = await desk()
  made.store.publish('v2', { previous: { user: 'app', password: 'pw-v0', version: 'v0' } })
  made.logins.adopt(await made.cache.refresh())
  const [first, second] = [made.caller(), made.caller()]
  expect([first.trying, second.trying]).toEqual(['v2', undefined])
  first.refused()
  // Who has waited comes first.
  expect([first.trying, second.trying]).toEqual([undefined, 'v0'])
  second.accepted()
  expect(first.trying).toBe('v0')
  // The newest has a backoff of half a second at most, and what is proven then is not the one before it.
  await made.clock.advance(500)
  expect(made.probe().trying).toBe('v2')
})

test('the pair before the newest is not tried while the newest has not been refused, nor by a probe', async () => {
  listen('rekey:candidate-refused')
  const made = await desk()
  made.store.publish('v2', { previous: { user: 'app', password: 'pw-v0', version: 'v0' } })
  made.logins.adopt(await made.cache.refresh())
  const [first, second] = [made.probe(), made.caller()]
  expect([first.trying, second.trying]).toEqual(['v2', undefined])
  first.accepted()
  expect(second.trying).toBe('v2')
})

test('the pair before the newest is refused too: a caller waits as if there were none', async () => {
  listen('rekey:candidate-refused')
  const made = await desk()
  made.store.publish('v2', { previous: { user: 'app', password: 'pw-v0', version: 'v0' } })
  made.logins.adopt(await made.cache.refresh())
  const first = made.caller().refused().refused()
  expect(first).toMatchObject({ trying: undefined, gaveUp: undefined })
  await made.publish('v3')
  expect(first.trying).toBe('v3')
})

test('the newest is refused and nothing else works: a caller waits, and is served by the next version', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish } = await desk()
  const waiting = caller().refused()
  expect([waiting.trying, waiting.gaveUp]).toEqual([undefined, undefined])
  await publish('v2')
  expect(waiting.trying).toBe('v2')
})

test('the newest is refused and nothing else works: a caller tries it again after the backoff', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock } = await desk()
  const waiting = caller().refused()
  const wait = refusals[0]?.retryIn ?? 0
  await clock.advance(wait - 1)
  expect(waiting.trying).toBeUndefined()
  await clock.advance(1)
  expect(waiting.trying).toBe('v1')
  waiting.accepted()
  expect(caller().trying).toBe('v1')
})

test('a caller that waits sees the server’s own error when the login deadline is over', async () => {
  listen('rekey:candidate-refused')
  const { caller, clock } = await desk()
  const started = clock.now()
  const error = new Error('password authentication failed')
  const waiting = caller().refused(error)
  let tries = 1
  while (waiting.gaveUp === undefined) {
    await clock.advance(10, () => {
      if (waiting.trying === undefined) return
      tries += 1
      waiting.refused(error)
    })
  }
  expect(waiting.gaveUp).toBe(error)
  expect(clock.now() - started).toBe(loginDeadline)
  expect(tries).toBeGreaterThan(1)
})

test('a refused probe does not wait: it gives up with the server’s own error, and its slot is free', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish, probe } = await desk()
  caller().accepted()
  await publish('v2')
  const error = new Error('28P01')
  expect(probe().refused(error).gaveUp).toBe(error)
})

test('where callers prove, one of them tries the newest and the others use what works', async () => {
  const { caller, publish } = await desk({ callersProve: true })
  caller().accepted()
  await publish('v2')
  const [first, second] = [caller(), caller()]
  expect([first.trying, second.trying]).toEqual(['v2', 'v1'])
  first.accepted()
  expect(caller().trying).toBe('v2')
})

test('where callers prove, one that is refused falls back at once', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish } = await desk({ callersProve: true })
  caller().accepted()
  await publish('v2')
  const first = caller().refused()
  expect(first.trying).toBe('v1')
  expect(caller().trying).toBe('v1')
})

test('a thousand logins with a wrong password cost one failed login per backoff step', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock, store } = await desk()
  const error = new Error('28P01')
  const asked = store.asked
  const connections = Array.from({ length: 1_000 }, () => caller())
  const failedAt: number[] = []
  const dial = (): void => {
    for (const connection of connections) {
      if (connection.trying === undefined) continue
      failedAt.push(clock.now())
      connection.refused(error)
    }
  }
  dial()
  const started = clock.now()
  while (clock.now() < started + 60_000) {
    // The load never ends: whoever gave up is followed by another.
    for (const [index, { gaveUp }] of connections.entries()) {
      if (gaveUp !== undefined) connections[index] = caller()
    }
    await clock.advance(250, dial)
  }
  expect(failedAt).toHaveLength(refusals.length)
  for (const [step, at] of failedAt.slice(1).entries()) {
    expect(at - (failedAt[step] ?? 0)).toBeGreaterThanOrEqual(refusals[step]?.retryIn ?? Infinity)
  }
  expect(failedAt.length).toBeLessThan(15)
  expect(refusals.at(-1)).toMatchObject({ version: 'v1', refusals: refusals.length })
  // Each refusal asks the store, at most once a second.
  expect(store.asked - asked).toBeLessThanOrEqual(refusals.length)
}, 60_000)

test('logins that were under way together when the password stopped are one step', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller } = await desk()
  caller().accepted()
  const together = Array.from({ length: 20 }, () => caller())
  for (const connection of together) connection.refused()
  expect(refusals).toHaveLength(1)
  expect(refusals[0]).toMatchObject({ pool: 'pool', version: 'v1', refusals: 1 })
})

test('a version that stops after a lull costs one failed login, however many callers come together', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock } = await desk()
  caller().accepted()
  await clock.advance(proofLasts)
  const together = Array.from({ length: 20 }, () => caller())
  expect(together.map(({ trying }) => trying)).toEqual(['v1', ...Array(19).fill(undefined)])
  together[0]?.refused()
  expect(together.every(({ trying }) => trying === undefined)).toBe(true)
  expect(refusals).toHaveLength(1)
})

test('after a lull one login goes ahead, and the others follow it together', async () => {
  const { caller, clock } = await desk()
  caller().accepted()
  await clock.advance(proofLasts - 1)
  expect([caller(), caller()].map(({ trying }) => trying)).toEqual(['v1', 'v1'])
  await clock.advance(1)
  const [first, second, third] = [caller(), caller(), caller()]
  expect([second.trying, third.trying]).toEqual([undefined, undefined])
  first.accepted()
  expect([second.trying, third.trying]).toEqual(['v1', 'v1'])
  expect(caller().trying).toBe('v1')
  expect(clock.pending).toBe(1)
})

test('after a lull nobody goes back to an older version that works', async () => {
  const { caller, clock, probe, publish } = await desk()
  caller().accepted()
  await publish('v2')
  probe().accepted()
  await clock.advance(proofLasts)
  const [first, second] = [caller(), caller()]
  expect([first.trying, second.trying]).toEqual(['v2', undefined])
})

test('after a lull a login that hangs holds the others up for no longer than the shortest backoff', async () => {
  const { caller, clock } = await desk()
  caller().accepted()
  await clock.advance(proofLasts)
  const [hanging, second, third] = [caller(), caller(), caller()]
  await clock.advance(proofLasts - 1)
  expect(second.trying).toBeUndefined()
  await clock.advance(1)
  expect([second.trying, third.trying]).toEqual(['v1', undefined])
  // It is another's turn by now.
  hanging.login.cancel()
  expect(third.trying).toBeUndefined()
  second.accepted()
  expect(third.trying).toBe('v1')
})

test('after a lull a connection that fails before the server judged it lets the next one go ahead', async () => {
  const { caller, clock, logins } = await desk()
  caller().accepted()
  await clock.advance(proofLasts)
  const [first, second, third] = [caller(), caller(), caller()]
  first.login.cancel()
  expect([second.trying, third.trying]).toEqual(['v1', undefined])
  expect(logins.works('v1')).toBe(true)
})

test('a success forgets the refusals: the next backoff begins anew', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock } = await desk()
  const connection = caller().refused()
  await clock.advance(500)
  connection.refused()
  await clock.advance(1_000)
  connection.accepted()
  caller().refused()
  expect(refusals.map((refusal) => refusal.refusals)).toEqual([1, 2, 1])
})

test('a locked account is never tried again with this version, and nobody waits for it', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock, publish, logins } = await desk()
  const error = new Error('account is locked')
  const [first, second] = [caller(), caller()]
  first.refused(error, 'locked')
  expect([first.gaveUp, second.gaveUp]).toEqual([error, error])
  expect(refusals).toMatchObject([{ retryIn: Infinity }])
  await clock.advance(24 * 3_600_000)
  expect(caller().gaveUp).toBe(error)
  expect(logins.probeAt()).toBeUndefined()
  await publish('v2')
  expect(caller().trying).toBe('v2')
})

test('a version that was refused as often as it may be is left alone until there is another', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock, publish, logins } = await desk({ maxRefusals: 2 })
  const error = new Error('28P01')
  const [first, second] = [caller(), caller()]
  first.refused(error)
  await clock.advance(500)
  expect([first.trying, second.trying]).toEqual([undefined, 'v1'])
  second.refused(error)
  expect([first.gaveUp, second.gaveUp]).toEqual([error, error])
  expect(refusals.map(({ retryIn }) => retryIn === Infinity)).toEqual([false, true])
  await clock.advance(24 * 3_600_000)
  expect(caller().gaveUp).toBe(error)
  expect(logins.probeAt()).toBeUndefined()
  await publish('v2')
  expect(caller().trying).toBe('v2')
})

test('no more logins are under way than may be refused, also with a version that works', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, publish } = await desk({ maxRefusals: 2 })
  caller().accepted()
  const error = new Error('28P01')
  const together = Array.from({ length: 20 }, () => caller())
  const trying = (): Connection[] => together.filter((connection) => connection.trying === 'v1')
  expect(trying()).toHaveLength(2)
  trying()[0]?.accepted()
  // It has been tried, and the next one's turn has come.
  expect(together[2]?.trying).toBe('v1')
  const [, second, third] = together
  second?.refused(error)
  third?.refused(error)
  expect(together.slice(1).every(({ gaveUp }) => gaveUp === error)).toBe(true)
  expect(refusals.map(({ retryIn }) => retryIn === Infinity)).toEqual([false, true])
  await publish('v2')
  expect(caller().trying).toBe('v2')
})

test('logins that hang take the place of others for one login deadline', async () => {
  const { caller, clock } = await desk({ maxRefusals: 2 })
  caller().accepted()
  const [, second, third, fourth] = [caller(), caller(), caller(), caller()]
  expect([second.trying, third.trying]).toEqual(['v1', undefined])
  second.login.cancel()
  expect([third.trying, fourth.trying]).toEqual(['v1', undefined])
  await clock.advance(loginDeadline)
  expect(fourth.trying).toBe('v1')
})

test('where the newest locks the account, what works goes on working', async () => {
  listen('rekey:candidate-refused')
  const { caller, publish, probe } = await desk()
  caller().accepted()
  await publish('v2')
  probe().refused(new Error('locked'), 'locked')
  expect(caller().trying).toBe('v1')
})

test('a prover that hangs holds the others up for one login deadline and no longer', async () => {
  const { caller, clock } = await desk()
  const [hanging, second, third] = [caller(), caller(), caller()]
  await clock.advance(loginDeadline - 1)
  expect(second.trying).toBeUndefined()
  await clock.advance(1)
  expect([hanging.trying, second.trying, third.trying]).toEqual(['v1', 'v1', undefined])
  second.accepted()
  expect(third.trying).toBe('v1')
})

test('a prover that has lapsed and ends takes nothing from the one that followed', async () => {
  const { caller, clock } = await desk()
  const [hanging, second, third] = [caller(), caller(), caller()]
  await clock.advance(loginDeadline)
  hanging.login.cancel()
  expect([second.trying, third.trying]).toEqual(['v1', undefined])
})

test('a prover whose connection fails before the server judged it hands its turn on', async () => {
  const { caller } = await desk()
  const [first, second, third] = [caller(), caller(), caller()]
  first.login.cancel()
  expect([second.trying, third.trying]).toEqual(['v1', undefined])
})

test('a login that ends while it waits leaves no timer and gets no turn', async () => {
  listen('rekey:candidate-refused')
  const { caller, clock } = await desk()
  const first = caller()
  const second = caller()
  second.login.cancel()
  second.login.cancel()
  first.accepted()
  expect([second.trying, second.turns]).toEqual([undefined, 0])
  expect(clock.pending).toBe(1)
})

test('without credentials a login waits for the first load', async () => {
  const { cache, store } = scene()
  const logins = new Logins(cache, { pool: 'pool' })
  store.silent = true
  const connection = new Connection(logins, 'caller')
  await settled()
  expect(connection.trying).toBeUndefined()
  store.last.answer(store.answer)
  await settled()
  expect(connection.trying).toBe('v1')
})

test('a login whose first load fails sees that failure', async () => {
  listen('rekey:refresh-error')
  const { cache, store } = scene()
  const logins = new Logins(cache, { pool: 'pool' })
  store.failure = new Error('down')
  const connection = new Connection(logins, 'caller')
  await settled()
  expect(connection.gaveUp).toMatchObject({ code: 'ERR_REKEY_LOAD', cause: store.failure })
})

test('a login that ended during the first load gets no turn', async () => {
  const { cache, store } = scene()
  const logins = new Logins(cache, { pool: 'pool' })
  store.silent = true
  const connection = new Connection(logins, 'caller')
  connection.login.cancel()
  await settled()
  store.last.answer(store.answer)
  await settled()
  expect([connection.trying, connection.gaveUp]).toEqual([undefined, undefined])
})

test('a login after the TTL waits for no store that hangs', async () => {
  listen('rekey:refresh-error')
  const { caller, clock, store } = await desk()
  caller().accepted()
  store.silent = true
  for (let second = 0; second < 600; second += 30) {
    const connection = caller()
    await settled()
    expect(connection.trying, `after ${second} s`).toBe('v1')
    await clock.advance(30_000)
  }
})

test('a version is verified once, and drained versions serve nobody', async () => {
  const verified = listen('rekey:verified')
  const { caller, publish, probe, logins } = await desk()
  caller().accepted()
  caller().accepted()
  await publish('v2')
  probe().accepted()
  caller().accepted()
  expect(verified).toEqual([
    { pool: 'pool', version: 'v1' },
    { pool: 'pool', version: 'v2' },
  ])
  listen('rekey:candidate-refused')
  logins.forget('v1')
  expect(caller().refused().trying).toBeUndefined()
})

test('a torn pair that was refused is tried again at once when the whole pair has come', async () => {
  listen('rekey:candidate-refused')
  const { caller, clock, store } = await desk()
  store.answer = { user: 'app', password: 'the whole one', version: 'v1' }
  const waiting = caller().refused()
  await clock.advance(0)
  expect(waiting.trying).toBe('v1')
})

test('a renewed token is used by the next login, and what is known of its version stays known', async () => {
  const { store, cache, logins } = await desk()
  const passwords: string[] = []
  const login = (): Login => {
    const started = logins.start('caller')
    started.next(
      ({ password }) => passwords.push(password.reveal()),
      () => {},
    )
    return started
  }
  store.publish('v2', { checkedAtLogin: true, password: 'token-1' })
  await cache.refresh()
  login().accepted()
  store.publish('v2', { checkedAtLogin: true, password: 'token-2' })
  await cache.refresh()
  // Proven, both at once.
  login()
  login()
  expect(passwords).toEqual(['token-1', 'token-2', 'token-2'])
})

test('a server that refuses every token is asked once per backoff step, however often they are renewed', async () => {
  listen('rekey:candidate-refused')
  const { store, cache, clock, logins } = await desk()
  let token = 0
  let tried = 0
  const renew = (): void =>
    store.publish('v2', { checkedAtLogin: true, password: `token-${(token += 1)}` })
  renew()
  await cache.refresh()
  const login = logins.start('caller')
  const next = (): void =>
    login.next(
      () => {
        tried += 1
        login.refused(new Error('28P01'))
        setImmediate(next)
      },
      () => {},
    )
  next()
  for (let second = 0; second < 4; second += 1) {
    renew()
    await cache.refresh()
    await clock.advance(1_000)
  }
  // Backoffs of half their most: 0.25, 0.5, 1, 2 s.
  expect(tried).toBeLessThanOrEqual(5)
  expect(token).toBe(5)
})

test('the newest is probed now, after its backoff, or not at all', async () => {
  const refusals = listen('rekey:candidate-refused')
  const { caller, clock, publish, probe, logins } = await desk()
  expect(logins.probeAt()).toBeUndefined()
  caller().accepted()
  expect(logins.probeAt()).toBeUndefined()
  await publish('v2')
  expect(logins.probeAt()).toBe(0)
  const proving = probe()
  expect(logins.probeAt()).toBe(clock.now() + loginDeadline)
  proving.refused()
  expect(logins.probeAt()).toBe(clock.now() + (refusals[0]?.retryIn ?? Number.NaN))
})

test('where nobody listens the first refusal of a version is a process warning', async () => {
  const heard = warnings()
  const { caller, clock } = await desk()
  const connection = caller().refused(new Error('28P01'))
  await clock.advance(500)
  connection.refused(new Error('28P01'))
  await settled()
  expect(heard).toMatchObject([{ code: 'rekey:candidate-refused' }])
})

test('a process stays while a caller waits for its turn', async () => {
  const { output, code } = await runAlone(`
    import { subscribe } from 'node:diagnostics_channel'
    subscribe('rekey:candidate-refused', () => {})
    const source = core.fromFunction(() => ({ user: 'app', password: 'pw' }))
    const cache = core.createCredentials(source, { overlap: 10_000, loginDeadline: 300 })
    await cache.get()
    const login = new core.Logins(cache, { pool: 'pool' }).start('caller')
    const dial = () => login.refused(new Error('refused')) ?? login.next(dial, (e) => console.log('gave up:', e.message))
    login.next(dial)
  `)
  expect({ output, code }).toEqual({ output: 'gave up: refused\n', code: 0 })
}, 30_000)
