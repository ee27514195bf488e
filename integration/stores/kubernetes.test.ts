// Not a cluster: a volume that is written as the kubelet's atomic writer writes it.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCredentials, fromFile } from '@rekey/core'
import { expect, test } from 'vitest'
import { folder, SecretVolume } from '../../packages/core/test/sources/folder.ts'
import { goTheWholeWay } from './whole-way.ts'

test('a mounted secret that the kubelet swaps: three rotations under load, noticed without polling, no request fails', async () => {
  const directory = await folder()
  const volume = new SecretVolume(directory)
  await goTheWholeWay({
    source: fromFile({ directory, user: 'username', password: 'password' }),
    timings: { overlap: 24 * 3_600_000, ttl: 3_600_000 },
    publish: ({ user, password }) => volume.write({ username: user, password }),
  })
})

test('a secret that is mounted with subPath is refused, and the error explains why', async () => {
  const directory = await folder()
  await writeFile(join(directory, 'username'), 'app')
  await writeFile(join(directory, 'password'), 'pw')
  const source = fromFile({ directory, user: 'username', password: 'password' }, { watch: false })
  await using cache = createCredentials(source, { overlap: 60_000 })
  const message: unknown = expect.stringContaining('mounted with subPath, which never changes')
  await expect(cache.get()).rejects.toMatchObject({ code: 'ERR_REKEY_ANSWER', message })
})
