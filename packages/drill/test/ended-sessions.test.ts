import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { EndedSessions } from '../src/targets/mysql/ended-sessions.ts'

function opened(threadId: number): { threadId: number; stream: EventEmitter } {
  return { threadId, stream: new EventEmitter() }
}

const listing = (ids: number[]) => async (): Promise<{ id: number }[]> => ids.map((id) => ({ id }))

test('a session that has ended is left out for as long as the list shows it', async () => {
  const ended = new EndedSessions()
  const [one, other] = [opened(1), opened(2)]
  ended.watch(one)
  ended.watch(other)
  one.stream.emit('end')
  expect(await ended.leftOutOf(listing([1, 2]))).toEqual([{ id: 2 }])
  expect(await ended.leftOutOf(listing([2]))).toEqual([{ id: 2 }])
  expect(await ended.leftOutOf(listing([1, 2]))).toEqual([{ id: 1 }, { id: 2 }])
})

test('a session of a server that was started anew counts, whichever had its id before', async () => {
  const ended = new EndedSessions()
  const [before, late] = [opened(1), opened(2)]
  ended.watch(before)
  ended.watch(late)
  before.stream.emit('end')
  ended.forget()
  late.stream.emit('end')
  const again = opened(1)
  ended.watch(again)
  expect(await ended.leftOutOf(listing([1, 2]))).toEqual([{ id: 1 }, { id: 2 }])
  again.stream.emit('end')
  expect(await ended.leftOutOf(listing([1, 2]))).toEqual([{ id: 2 }])
})
