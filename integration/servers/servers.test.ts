import { describe, expect, test } from 'vitest'
import { asks, versions } from './asking.ts'
import { serverAddress } from './on-demand.ts'

const kinds = Object.keys(asks) as (keyof typeof asks)[]

describe.each(kinds)('%s', (kind) => {
  const ask = asks[kind]

  test('answers in the version that the tests are for', async () => {
    expect(await ask(await serverAddress(kind))).toMatch(versions[kind])
  })

  test('refuses a wrong password', async () => {
    await expect(ask({ ...(await serverAddress(kind)), password: 'wrong' })).rejects.toThrow()
  })

  test('speaks TLS, with a certificate that its authority vouches for', async () => {
    const address = await serverAddress(kind)
    expect(await ask(address, address.ca)).toMatch(versions[kind])
  })

  test('is not trusted where another authority is asked for', async () => {
    const { ca: other } = await serverAddress(kind === 'postgres' ? 'redis' : 'postgres')
    const answer = ask(await serverAddress(kind), other)
    await expect(answer).rejects.toThrow(/self-signed|signature|verify/)
  })

  test('is one for the whole run, whoever asks for it', async () => {
    const [one, other] = await Promise.all([serverAddress(kind), serverAddress(kind)])
    expect(one).toEqual(other)
  })
})

test('a server that is not known is the error of whoever asks for it', async () => {
  await expect(serverAddress('oracle' as 'mysql')).rejects.toThrow('oracle')
})
