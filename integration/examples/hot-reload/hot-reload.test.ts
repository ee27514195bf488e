import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Stage } from '../../contract/stage.ts'
import { openStage, userOf } from '../../pg/stage.ts'
import type * as database from './database.ts'

type Database = typeof database

interface Reloads extends AsyncDisposable {
  readonly file: string
  readonly loaded: Database[]
}

/** Loads the module as often as its file is saved, each time a new one, and has each used once. */
async function reload(stage: Stage, beforeEach: () => void = () => {}): Promise<Reloads> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-reload-'))
  const file = join(folder, 'database.json')
  await writeFile(file, JSON.stringify(stage.account))
  const { host, port, database: name } = stage.address
  vi.stubEnv('DATABASE_URL', `postgres://${host}:${port}/${name}`)
  vi.stubEnv('DATABASE_CREDENTIALS', file)
  const loaded: Database[] = []
  for (let time = 1; time <= 5; time += 1) {
    beforeEach()
    const saved = `./database.ts?saved=${name}-${time}`
    const module = (await import(/* @vite-ignore */ saved)) as Database
    loaded.push(module)
    await module.pool.query('SELECT 1')
  }
  return {
    file,
    loaded,
    async [Symbol.asyncDispose]() {
      globalThis.appDatabase = undefined
      vi.unstubAllEnvs()
      for (const pool of new Set(loaded.map((module) => module.pool))) await pool.end()
      for (const { credentials } of loaded) await credentials.close()
      await rm(folder, { recursive: true })
    },
  }
}

test('a module that is loaded again and again has one pool, which rotates', async () => {
  await using stage = await openStage({ sessions: 10 })
  await using reloads = await reload(stage)
  expect(new Set(reloads.loaded).size).toBe(5)
  expect(await stage.place.sessions()).toHaveLength(1)

  const { pool, credentials } = reloads.loaded[4]!
  const old = stage.account
  await writeFile(reloads.file, JSON.stringify(await stage.renew()))
  await credentials.refresh({ urgent: true })
  await pool.drained()
  expect(await userOf(pool)).toBe(stage.account.user)
  expect(await stage.place.sessions(old.user)).toEqual([])
})

test('one that keeps its pool to itself leaves one behind each time', async () => {
  await using stage = await openStage({ sessions: 10 })
  await using _reloads = await reload(stage, () => (globalThis.appDatabase = undefined))
  expect(await stage.place.sessions()).toHaveLength(5)
})
