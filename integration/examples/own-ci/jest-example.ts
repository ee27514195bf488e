import { test } from '@jest/globals'
import { assertZeroDowntime, drill } from '@rekey/drill'
import { shop } from './shop.ts'

test('rotating the shop’s credentials is a non-event', async () => {
  assertZeroDowntime(await drill({ workload: shop, rotations: 2, rate: 100, max: 5 }))
}, 60_000)
