import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test.each(['redis', 'redis-cluster', 'redis-sentinel'])(
  'a run that cannot have %s natively fails, and says what to install',
  async (kind) => {
    const empty = await mkdtemp(join(tmpdir(), 'rekey-empty-'))
    const program = fileURLToPath(new URL('holding-child.ts', import.meta.url))
    const env = { PATH: empty, REKEY_CACHE: join(empty, 'cache'), REKEY_SERVERS: 'native' }
    const run = promisify(execFile)(process.execPath, [program, kind], { env })
    try {
      await expect(run).rejects.toMatchObject({
        stderr: expect.stringMatching(
          new RegExp(
            `${kind} did not start: There is no redis-server 8.0 on PATH[^]*Install redis 8.0`,
          ),
        ) as string,
      })
    } finally {
      await rm(empty, { recursive: true })
    }
  },
)
