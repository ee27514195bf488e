import { expect, test } from 'vitest'
import { Exclusive } from '../src/targets/redis/exclusive.ts'

test('a client is lent to one at a time, and who waits has it in turn', async () => {
  const clients = new Exclusive(['only'])
  const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
  const seen: number[] = []
  const all = gates.map(({ promise }, index) =>
    clients.use(async (client) => {
      expect(client).toBe('only')
      seen.push(index)
      await promise
    }),
  )
  for (const [index, gate] of gates.entries()) {
    await new Promise(setImmediate)
    expect(seen.length).toBe(index + 1)
    expect(clients.counts).toEqual({ free: 0, waiting: gates.length - 1 - index })
    gate.resolve()
  }
  await Promise.all(all)
  expect(seen).toEqual([0, 1, 2])
  expect(clients.counts).toEqual({ free: 1, waiting: 0 })
})

test('a client comes back from work that failed', async () => {
  const clients = new Exclusive(['only'])
  await expect(clients.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(clients.counts).toEqual({ free: 1, waiting: 0 })
})
