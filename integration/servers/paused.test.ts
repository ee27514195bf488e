import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asks, versions } from './asking.ts'
import { serverAddress } from './on-demand.ts'
import { pauseNode } from './pause.ts'
import type { RunningServer } from './server.ts'
import { startServer } from './start.ts'

const kinds = Object.keys(asks) as (keyof typeof asks)[]

/** Of these tests' own: the other tests need theirs. */
const started = new Map<string, RunningServer>()

beforeAll(async () => {
  const starts = kinds.map(async (kind) => started.set(kind, await startServer(kind)))
  // Those that come up are known, and so stopped, also where another does not.
  await Promise.allSettled(starts)
  await Promise.all(starts)
})

afterAll(async () => {
  await Promise.all([...started.values()].map(({ stop }) => stop()))
})

describe.each(kinds)('%s', (kind) => {
  test('answers nobody while it is paused, and everybody after that', async () => {
    const { stop: _, ...address } = started.get(kind)!
    const ask = asks[kind]
    expect(await ask(address)).toMatch(versions[kind])
    // Before the pause: it may have to be started yet, which takes longer than a client waits.
    const witness = await serverAddress(kind)
    let answered = false
    const pause = await pauseNode(address)
    const answer = ask(address).then((version) => {
      answered = true
      return version
    })
    // Another server's answers take their time; this one's would have come before.
    for (let round = 0; round < 3; round += 1) await ask(witness)
    expect(answered).toBe(false)
    await pause[Symbol.asyncDispose]()
    expect(await answer).toMatch(versions[kind])
  })
})
