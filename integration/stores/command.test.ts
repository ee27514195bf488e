import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromCommand } from '@rekey/core/command'
import { onTestFinished, test } from 'vitest'
import { goTheWholeWay } from './whole-way.ts'

test('a program that prints what its store has: three rotations under load, no request fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-command-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'store.json')
  const print = `process.stdout.write(fs.readFileSync(${JSON.stringify(path)}))`
  await goTheWholeWay({
    source: fromCommand(process.execPath, ['--eval', print]),
    timings: { overlap: 60_000, ttl: 500 },
    async publish(account) {
      await writeFile(`${path}.next`, JSON.stringify(account))
      await rename(`${path}.next`, path)
    },
  })
})
