import { expect, test } from 'vitest'
import { whenItCameIn, type Message } from '../src/overlap.ts'

const told = (text: string): Message[] =>
  Array.from(text, (letter) => ({
    event: 'messageBuffer',
    parts: ['channel', Buffer.from(letter)],
  }))

test.each<[string, string, string, [number, number], number[]]>([
  ['nothing was said', '', '', [0, 0], [0]],
  ['nothing was said while it was let in', 'abc', 'ab', [0, 0], [0]],
  ['after the first two', 'abcd', 'cd', [0, 2], [2]],
  ['after the first two, and it has heard more by now', 'abcd', 'cdefg', [0, 4], [2, 4]],
  ['the same, and the first has heard what it has', 'abcdefg', 'cdefg', [0, 2], [2]],
  ['after the first two, and it has heard less by now', 'abcdefg', 'cde', [0, 4], [2]],
  ['all sounds alike', 'aaa', 'aaa', [1, 3], [1, 2, 3]],
  ['all sounds alike, and it is known all the same', 'aaa', 'aa', [1, 1], [1]],
  ['they do not belong together', 'abc', 'xyz', [0, 2], []],
])('%s: %s and %s', (_, before, after, [atLeast, atMost], answers) => {
  expect(whenItCameIn({ before: told(before), after: told(after), atLeast, atMost })).toEqual(
    answers,
  )
})

test('another channel or another kind of message is another message', () => {
  const [one] = told('a')
  const [, ...parts] = one?.parts ?? []
  const others: Message[] = [
    { event: 'messageBuffer', parts: ['elsewhere', ...parts] },
    { event: 'pmessageBuffer', parts: one?.parts ?? [] },
    { event: 'messageBuffer', parts: [] },
  ]
  for (const other of others) {
    const all = { before: told('a'), after: [other], atLeast: 0, atMost: 0 }
    expect(whenItCameIn(all)).toEqual([])
  }
})
