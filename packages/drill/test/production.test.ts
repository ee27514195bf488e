import { expect, test } from 'vitest'
import { signsOfProduction } from '../src/production.ts'
import type { Survey } from '../src/targets/survey.ts'

const harmless: Survey = {
  server: 'PostgreSQL 18.4',
  admin: 'postgres',
  host: '127.0.0.1',
  names: ['app', 'product_catalogue', 'delivery'],
  sessions: 20,
  bytes: 2 ** 30,
}

test.each([
  '127.0.0.1',
  'localhost',
  '::1',
  '[::1]',
  '10.1.2.3',
  '192.168.0.9',
  'fd00::5',
  '',
  '/run',
])('at %j there is nothing to fear by itself', async (host) => {
  expect(await signsOfProduction({ ...harmless, host })).toEqual([])
})

test.each<[Partial<Survey>, string]>([
  [{ host: '203.0.113.7' }, '203.0.113.7 is neither this machine nor in a private network'],
  [{ host: '172.32.0.1' }, '172.32.0.1 is neither this machine nor in a private network'],
  [{ host: '2001:db8::1' }, '2001:db8::1 is neither this machine nor in a private network'],
  [{ names: ['app', 'shop_prod'] }, '"shop_prod" is the name of something that is live'],
  [{ names: ['PRD2'] }, '"PRD2" is the name of something that is live'],
  [{ sessions: 21 }, '21 sessions of others are open'],
  [{ bytes: 40 * 2 ** 30 }, 'it holds 40 GiB'],
])('%j is a sign of production', async (given, sign) => {
  expect(await signsOfProduction({ ...harmless, ...given })).toEqual([sign])
})

test('every sign is named', async () => {
  const signs = await signsOfProduction({ ...harmless, names: ['live'], sessions: 99 })
  expect(signs.length).toBe(2)
})
