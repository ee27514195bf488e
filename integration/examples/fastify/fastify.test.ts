import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rotateUnderLoad } from './rotate-under-load.ts'

test('a service on Fastify: autocannon meets no error through three rotations, and no old session stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-fastify-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'database.json')
  const {
    servedBy,
    published,
    '2xx': good,
    ...outcome
  } = await rotateUnderLoad({
    main: new URL('main.ts', import.meta.url),
    env: { DATABASE_CREDENTIALS: file },
    async publish(account) {
      await writeFile(`${file}.new`, JSON.stringify(account))
      await rename(`${file}.new`, file)
    },
  })
  expect(outcome).toEqual({
    ...{ non2xx: 0, errors: 0, timeouts: 0, oldSessions: 0 },
    ...{ logged: [], exitCode: 0 },
  })
  expect(servedBy).toEqual(published)
  expect(good).toBeGreaterThan(0)
})
