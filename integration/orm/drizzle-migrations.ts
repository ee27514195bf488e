import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Migration } from './schema.ts'

/** Hands over a folder of migrations as `drizzle-kit generate` leaves it. */
export async function withMigrations(
  migrations: readonly Migration[],
  migrate: (config: { migrationsFolder: string }) => Promise<unknown>,
): Promise<void> {
  const migrationsFolder = await mkdtemp(join(tmpdir(), 'rekey-drizzle-'))
  const meta = join(migrationsFolder, 'meta')
  await mkdir(meta)
  for (const { name, statements } of migrations) {
    const text = statements.join('--> statement-breakpoint')
    await writeFile(join(migrationsFolder, `${name}.sql`), text)
  }
  const entries = migrations.map(({ name }, idx) => ({ idx, when: idx + 1, tag: name }))
  await writeFile(join(meta, '_journal.json'), JSON.stringify({ entries }))
  try {
    await migrate({ migrationsFolder })
  } finally {
    await rm(migrationsFolder, { recursive: true })
  }
}
