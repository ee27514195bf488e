import { expect, test } from 'vitest'
import { Store } from '../src/store.ts'

const first = { user: 'app_a', password: 'one', version: '1' }
const second = { user: 'app_b', password: 'two', version: '2' }
const signal = new AbortController().signal

test('it hands out what was published last', async () => {
  const store = new Store(first)
  expect(await store.load({ signal })).toBe(first)
  store.publish(second)
  expect(await store.load({ signal })).toBe(second)
})

test('it fails until it answers again, and knows what was published meanwhile', async () => {
  const store = new Store(first)
  store.fail()
  store.publish(second)
  await expect(store.load({ signal })).rejects.toThrow('The store is down.')
  store.answer()
  expect(await store.load({ signal })).toBe(second)
})

test('where it hangs a question ends with the patience of who asked, and not before', async () => {
  const store = new Store(first)
  store.hang()
  const patience = new AbortController()
  let over = false
  const answer = store.load({ signal: patience.signal }).finally(() => (over = true))
  store.answer()
  await new Promise(setImmediate)
  expect(over).toBe(false)
  patience.abort(new Error('enough'))
  await expect(answer).rejects.toThrow('enough')
  store.hang()
  await expect(store.load({ signal: patience.signal })).rejects.toThrow('enough')
})
