import { expect, onTestFinished, test } from 'vitest'
import { Rotation, type Credentials, type OpenOutcome, type RotationOptions } from '../src/index.ts'
import { planRenewals, type RenewalWorld } from '../src/plan-renewals.ts'
import type { ConnectionState } from '../src/plan.ts'
import { listen } from './listen.ts'
import { loadedScene, type Scene } from './scripted-store.ts'
import { settled } from './virtual-clock.ts'

const now = 1_000
const candidate = { tryAt: now }

/** `'a1 idle'` is connection a of generation 1 that nobody holds. */
function world(
  connections: string[],
  more: Partial<RenewalWorld<string>> = {},
): RenewalWorld<string> {
  return {
    now,
    connections: connections.map((text) => {
      const [name = '', state] = text.split(' ')
      const generation = Number(name.slice(1))
      return { connection: name, generation, state: state as ConnectionState }
    }),
    target: 2,
    targetWorks: true,
    candidate: undefined,
    renewing: 0,
    atOnce: 1,
    dueAt: now,
    ...more,
  }
}

const two = ['a1 idle', 'b1 idle']

test.each<[string, RenewalWorld<string>, string[], number | undefined]>([
  ['nothing exists', world([]), [], undefined],
  ['all are new', world(['a2 idle', 'b2 lent']), [], undefined],
  ['an old one is idle, and due', world(['a1 lent', 'b1 idle']), ['b1'], undefined],
  ['an old one is idle, and not due', world(two, { dueAt: now + 5 }), [], now + 5],
  ['an old one is held', world(['a1 lent']), [], undefined],
  ['two at once', world(two, { atOnce: 2 }), ['a1', 'b1'], undefined],
  ['two at once, one under way', world(two, { atOnce: 2, renewing: 1 }), ['a1'], undefined],
  ['logins with the target fail', world(two, { targetWorks: false }), [], undefined],
  ['a candidate is tried by one alone', world(two, { candidate, atOnce: 2 }), ['a1'], undefined],
  ['a candidate is tried by a new one too', world(['a2 idle'], { candidate }), ['a2'], undefined],
  ['a candidate is being tried', world(two, { candidate, renewing: 1 }), [], undefined],
  ['a candidate has to wait', world(two, { candidate: { tryAt: now + 9 } }), [], now + 9],
])('%s', (_, given, renew, lookAgainAt) => {
  expect(planRenewals(given)).toEqual({ renew, lookAgainAt })
})

test.each<[string, string[], Partial<RenewalWorld<string>>, string | undefined]>([
  ['nobody is free', ['a1 lent', 'b1 lent'], {}, 'a1'],
  ['nobody is free, and it has to wait', ['a1 lent'], { candidate: { tryAt: now + 9 } }, undefined],
  ['nobody is free, and it is being tried', ['a1 lent'], { renewing: 1 }, undefined],
  ['one is free', ['a1 lent', 'b1 idle'], {}, undefined],
  ['nothing is open', ['a1 connecting'], {}, undefined],
])('a login beside a held connection tries a candidate where %s', (_, connections, more, prove) => {
  expect(planRenewals(world(connections, { candidate, ...more })).prove).toBe(prove)
})

interface Connection {
  readonly name: string
  isHeld: boolean
}

interface Renewal {
  readonly connection: string
  opened(): void
  done(outcome: OpenOutcome): void
}

interface Desk extends Scene {
  readonly rotation: Rotation<Connection>
  readonly renewals: Renewal[]
  connect(name: string): Connection
  publish(version: string, options?: { urgent?: boolean }): Promise<Credentials>
}

/** A rotation whose connections log in again in place, when and as the test says. */
async function desk(options: RotationOptions = { spread: 0 }): Promise<Desk> {
  const made = await loadedScene()
  const { cache, store } = made
  const connections: Connection[] = []
  const renewals: Renewal[] = []
  const rotation: Rotation<Connection> = new Rotation<Connection>(
    cache,
    {
      name: 'renewing',
      idle: () => connections.filter(({ isHeld }) => !isHeld),
      renew: (connection, done) => void logIn(connection, connection, done),
      prove: (connection, done) => logIn(connection, undefined, done),
      destroy: () => {},
      describe: ({ name }) => name,
    },
    options,
  )
  function logIn(
    connection: Connection,
    goesOver: Connection | undefined,
    done: (outcome: OpenOutcome) => void,
  ): () => void {
    const login = rotation.logins.start('probe')
    login.next(
      (credentials) =>
        renewals.push({
          connection: goesOver?.name ?? `beside ${connection.name}`,
          opened() {
            if (goesOver !== undefined) rotation.tag(goesOver, credentials)
            login.accepted()
            done('opened')
          },
          done(outcome) {
            if (outcome === 'refused') login.refused(new Error('WRONGPASS'))
            else login.cancel()
            done(outcome)
          },
        }),
      () => done('refused'),
    )
    return () => login.cancel()
  }
  onTestFinished(() => rotation.close())
  return {
    ...made,
    rotation,
    renewals,
    connect(name) {
      const connection = { name, isHeld: false }
      rotation.dialling(connection)
      connections.push(connection)
      const login = rotation.logins.start('caller')
      login.next(
        (credentials) => {
          rotation.tag(connection, credentials)
          login.accepted()
        },
        () => {},
      )
      rotation.ready(connection)
      return connection
    },
    publish(version, how) {
      store.publish(version)
      return cache.refresh(how)
    },
  }
}

const counts = ({ rotation }: Desk): Record<string, number> =>
  Object.fromEntries(rotation.generations.map(({ version, idle, lent }) => [version, idle + lent]))

test('one connection proves a version in place, and the others follow one by one', async () => {
  const it = await desk()
  for (const name of ['a', 'b', 'c']) it.connect(name)
  await it.publish('v2')
  expect(it.renewals.map(({ connection }) => connection)).toEqual(['a'])
  it.renewals[0]?.opened()
  expect(it.renewals.map(({ connection }) => connection)).toEqual(['a', 'b'])
  expect(counts(it)).toEqual({ v1: 2, v2: 1 })
  it.renewals[1]?.opened()
  it.renewals[2]?.opened()
  await it.rotation.drained()
  expect(counts(it)).toEqual({ v2: 3 })
  expect(it.rotation.sessions).toBe(3)
})

test('they are spread over the time that there is, and not when it is urgent', async () => {
  const it = await desk({ spread: 10_000 })
  for (const name of ['a', 'b', 'c']) it.connect(name)
  await it.publish('v2')
  it.renewals[0]?.opened()
  // The two that are left share the time, each up to a turn early: by chance half of one here.
  await it.clock.advance(2_499)
  expect(it.renewals).toHaveLength(1)
  await it.clock.advance(1)
  expect(it.renewals).toHaveLength(2)
  it.renewals[1]?.opened()
  await it.publish('v3', { urgent: true })
  it.renewals[2]?.opened()
  expect(it.renewals).toHaveLength(5)
})

/** Has the store say that there is a version. */
async function push({ store }: Desk, version: string): Promise<void> {
  store.publish(version)
  store.push?.()
  await settled()
}

test('a version that was pushed is proven on its turn, and the next connection follows a turn later', async () => {
  const it = await desk({ spread: 10_000 })
  for (const name of ['a', 'b']) it.connect(name)
  await push(it, 'v2')
  // By chance half of a turn.
  await it.clock.advance(2_499)
  expect(it.renewals).toHaveLength(0)
  await it.clock.advance(1)
  expect(it.renewals).toHaveLength(1)
  it.renewals[0]?.opened()
  await it.clock.advance(4_999)
  expect(it.renewals).toHaveLength(1)
  await it.clock.advance(1)
  expect(it.renewals).toHaveLength(2)
})

test('the wait for a turn leaves as much time until the drain deadline as there was', async () => {
  const it = await desk({ spread: 10_000, drainDeadline: 1_000 })
  it.connect('a').isHeld = true
  it.connect('b')
  const stalled = listen('rekey:stalled')
  await push(it, 'v2')
  await it.clock.advance(2_500)
  it.renewals[0]?.opened()
  await it.clock.advance(8_500 - 2_501)
  expect(stalled).toEqual([])
  await it.clock.advance(1)
  expect(stalled).toHaveLength(1)
})

test('a version that a caller has proven before its turn waits for it all the same', async () => {
  const it = await desk({ spread: 10_000 })
  for (const name of ['a', 'b']) it.connect(name)
  await push(it, 'v2')
  const login = it.rotation.logins.start('caller')
  login.next(
    () => login.accepted(),
    () => expect.unreachable(),
  )
  await it.clock.advance(2_499)
  expect(it.renewals).toHaveLength(0)
  await it.clock.advance(1)
  expect(it.renewals).toHaveLength(1)
})

test('a version that was pushed waits for no turn once the server refuses the one before it', async () => {
  const it = await desk({ spread: 10_000 })
  for (const name of ['a', 'b']) it.connect(name)
  const login = it.rotation.logins.start('caller')
  login.next(
    () => {},
    () => expect.unreachable(),
  )
  await push(it, 'v2')
  expect(it.renewals).toHaveLength(0)
  listen('rekey:candidate-refused')
  login.refused(new Error('WRONGPASS'))
  expect(it.renewals).toHaveLength(1)
})

test('a version that was pushed waits for no turn where it is urgent, nor does one that was polled', async () => {
  const it = await desk({ spread: 10_000 })
  for (const name of ['a', 'b']) it.connect(name)
  await push(it, 'v2')
  await it.cache.refresh({ urgent: true })
  expect(it.renewals).toHaveLength(1)
  it.renewals[0]?.opened()
  it.renewals[1]?.opened()
  await push(it, 'v3')
  expect(it.renewals).toHaveLength(2)
  await it.publish('v4')
  expect(it.renewals).toHaveLength(3)
})

test('a refused version leaves every connection what it is, and is tried again after its backoff', async () => {
  const it = await desk()
  it.connect('a')
  it.connect('b')
  const refused = listen('rekey:candidate-refused')
  await it.publish('v2')
  it.renewals[0]?.done('refused')
  expect(refused).toMatchObject([{ version: 'v2', refusals: 1, retryIn: 250 }])
  expect(counts(it)).toEqual({ v1: 2, v2: 0 })
  await it.clock.advance(249)
  expect(it.renewals).toHaveLength(1)
  await it.clock.advance(1)
  expect(it.renewals).toHaveLength(2)
  it.renewals[1]?.opened()
  it.renewals[2]?.opened()
  expect(counts(it)).toEqual({ v2: 2 })
})

test('one that is lost on the way holds nobody up', async () => {
  const it = await desk()
  const connection = it.connect('a')
  await it.publish('v2')
  it.rotation.closed(connection)
  it.renewals[0]?.done('failed')
  it.connect('b')
  await it.rotation.drained()
  expect(counts(it)).toEqual({ v2: 1 })
})

test('one that fails on the way is tried again after a wait', async () => {
  const it = await desk()
  it.connect('a')
  await it.publish('v2')
  it.renewals[0]?.done('failed')
  expect(it.renewals).toHaveLength(1)
  await it.clock.advance(250)
  expect(it.renewals).toHaveLength(2)
})

test('one that is held goes over when it is given back', async () => {
  const it = await desk()
  const connection = it.connect('a')
  connection.isHeld = true
  await it.publish('v2')
  it.renewals[0]?.opened()
  expect(it.renewals).toHaveLength(1)
  connection.isHeld = false
  it.rotation.givenBack()
  expect(it.renewals.map((one) => one.connection)).toEqual(['beside a', 'a'])
  it.renewals[1]?.opened()
  expect(counts(it)).toEqual({ v2: 1 })
})

test('one that is given back while a login beside it is under way tries the version itself, at once', async () => {
  const it = await desk()
  const connection = it.connect('a')
  connection.isHeld = true
  await it.publish('v2')
  connection.isHeld = false
  it.rotation.givenBack()
  connection.isHeld = true
  expect(it.renewals.map((one) => one.connection)).toEqual(['beside a', 'a'])
  it.renewals[0]?.done('failed')
  it.renewals[1]?.opened()
  await it.rotation.drained()
  expect(counts(it)).toEqual({ v2: 1 })
})

test('one whose login says nothing keeps the others from theirs until the login deadline, and no longer', async () => {
  const it = await desk()
  for (const name of ['a', 'b', 'c']) it.connect(name)
  await it.publish('v2')
  it.renewals[0]?.opened()
  const { loginDeadline } = it.cache.timings
  await it.clock.advance(loginDeadline - 1)
  expect(it.renewals.map((one) => one.connection)).toEqual(['a', 'b'])
  await it.clock.advance(1)
  expect(it.renewals.map((one) => one.connection)).toEqual(['a', 'b', 'c'])
  it.renewals[2]?.opened()
  expect(counts(it)).toEqual({ v1: 1, v2: 2 })
  it.renewals[1]?.opened()
  await it.rotation.drained()
})

test('a version whose first login says nothing is proven by another connection', async () => {
  const it = await desk()
  for (const name of ['a', 'b']) it.connect(name)
  await it.publish('v2')
  await it.clock.advance(it.cache.timings.loginDeadline)
  expect(it.renewals.map((one) => one.connection)).toEqual(['a', 'b'])
  it.renewals[1]?.opened()
  expect(it.rotation.logins.works('v2')).toBe(true)
})

test('who holds the only one at the drain deadline is said', async () => {
  const it = await desk({ spread: 0, drainDeadline: 1_000 })
  it.connect('a').isHeld = true
  const stalled = listen('rekey:stalled')
  await it.publish('v2')
  it.renewals[0]?.opened()
  await it.clock.advance(1_000)
  expect(stalled).toMatchObject([{ held: [{ state: 'lent', connection: 'a' }] }])
})

test('a version that comes while another is tried is the next, and both that went before drain', async () => {
  const it = await desk()
  const drained = listen('rekey:drained')
  it.connect('a')
  await it.publish('v2')
  await it.publish('v3')
  expect(it.renewals).toHaveLength(1)
  it.renewals[0]?.opened()
  expect(it.renewals).toHaveLength(2)
  it.renewals[1]?.opened()
  await it.rotation.drained()
  expect(counts(it)).toEqual({ v3: 1 })
  expect(drained.map(({ version }) => version)).toEqual(['v1', 'v2'])
})

test('where nothing is open, the next caller proves the version', async () => {
  const it = await desk()
  const connection = it.connect('a')
  it.rotation.closed(connection)
  await it.publish('v2')
  const login = it.rotation.logins.start('caller')
  let version: string | undefined
  login.next(
    (credentials) => (version = credentials.version),
    () => {},
  )
  expect(version).toBe('v2')
})

test('a login beside a held connection that says nothing is given up at the login deadline, and made again', async () => {
  const it = await desk()
  it.connect('a').isHeld = true
  await it.publish('v2')
  const { loginDeadline } = it.cache.timings
  await it.clock.advance(loginDeadline - 1)
  expect(it.renewals).toHaveLength(1)
  await it.clock.advance(1 + 500)
  expect(it.renewals).toHaveLength(2)
  it.renewals[1]?.opened()
  expect(it.rotation.logins.works('v2')).toBe(true)
  it.rotation.close()
})
