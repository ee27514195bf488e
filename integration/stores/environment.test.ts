import { fromEnv } from '@rekey/core'
import { notifiedBy, signalChannel } from '@rekey/core/notified-by'
import { onTestFinished, test } from 'vitest'
import { goTheWholeWay } from './whole-way.ts'

test('the environment, read again at SIGHUP: three rotations under load, noticed without polling, no request fails', async () => {
  const before = { PGUSER: process.env['PGUSER'], PGPASSWORD: process.env['PGPASSWORD'] }
  onTestFinished(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  let isServing = false
  await goTheWholeWay({
    source: notifiedBy(fromEnv('PG*'), signalChannel('SIGHUP'), { spread: 0 }),
    timings: { overlap: 24 * 3_600_000, ttl: 3_600_000 },
    async publish({ user, password }) {
      Object.assign(process.env, { PGUSER: user, PGPASSWORD: password })
      // Where nobody listens yet it would end this process.
      if (isServing) process.kill(process.pid, 'SIGHUP')
      isServing = true
    },
  })
})
