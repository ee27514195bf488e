import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from '../src/index.ts'

const password = 'correct-horse-battery'
const secret = new Secret(password)
// What a careless program does with it.
const mistaken = secret as unknown as string
const holder = { user: 'app', password: secret, list: [secret], map: new Map([['key', secret]]) }

test('reveal gives the password back', () => {
  expect(secret.reveal()).toBe(password)
})

test.each([
  ['String', () => String(secret)],
  ['toString', () => secret.toString()],
  ['a template literal', () => `password=${mistaken}`],
  ['concatenation', () => 'password=' + mistaken],
  ['a number', () => String(Number(secret))],
  ['JSON', () => JSON.stringify(holder)],
  ['inspect', () => inspect(holder, { depth: 10, showHidden: true, getters: true })],
  ['inspect without custom inspection', () => inspect(holder, { depth: 10, customInspect: false })],
  ['a structured clone', () => inspect(structuredClone(holder), { depth: 10, showHidden: true })],
  ['an error', () => inspect(new Error(String(secret), { cause: holder }), { depth: 10 })],
  ['spread', () => inspect(Object.assign({}, secret))],
  ['its own keys', () => Reflect.ownKeys(secret).map(String).join()],
])('a secret as %s does not show the password', (_form, show) => {
  expect(show()).not.toContain(password)
})

test('a secret says that it is redacted where it stands for text', () => {
  expect(`${mistaken} ${JSON.stringify({ secret })} ${inspect(secret)}`).toBe(
    '[redacted] {"secret":"[redacted]"} [redacted]',
  )
})
