import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificates } from './server.ts'

/** Writes certificates where a server finds them; whoever runs it owns them. */
export async function writeTlsFiles(
  certificates: Certificates,
  folder: string,
  owner: { readonly uid?: number; readonly gid?: number } = {},
): Promise<Certificates> {
  const files: Certificates = {
    ca: join(folder, 'ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server-key.pem'),
  }
  for (const name of ['ca', 'certificate', 'key'] as const) {
    await writeFile(files[name], certificates[name], { mode: 0o600 })
    if (owner.uid !== undefined && owner.gid !== undefined) {
      await chown(files[name], owner.uid, owner.gid)
    }
  }
  return files
}
