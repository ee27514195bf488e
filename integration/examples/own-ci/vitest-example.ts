import { assertZeroDowntime, drill } from '@rekey/drill'
import { test } from 'vitest'
import { shop } from './shop.ts'

test('rotating the shop’s credentials is a non-event', { timeout: 60_000 }, async () => {
  assertZeroDowntime(await drill({ workload: shop, rotations: 2, rate: 100, max: 5 }))
})
