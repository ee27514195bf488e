import { expect, test } from 'vitest'
import { loadSdk } from '../../src/sources/sdk.ts'
import { rejection } from '../listen.ts'

test('a library that is not there is an error with the line that installs it', async () => {
  const missing = '@nobody/has-this'
  const error = await rejection(loadSdk(missing, () => import(missing)))
  expect(error).toMatchObject({ code: 'ERR_REKEY_SDK', option: missing })
  expect(error).toHaveProperty('message', expect.stringContaining(`npm install ${missing}`))
})

test('a library that is there and fails says so itself', async () => {
  const failure = new Error('broken')
  expect(await rejection(loadSdk('it', () => Promise.reject(failure)))).toBe(failure)
})
