// Are the packed packages right for every kind of consumer? publint looks at the manifest and the
// files, attw at how TypeScript resolves them. Both see the tarballs, never the workspace.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll } from './pack.ts'

const directory = mkdtempSync(join(tmpdir(), 'rekey-check-'))
let ok = true

function check(command: string, args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  ok &&= status === 0
}

try {
  for (const { filename } of await packAll(directory)) {
    check('publint', [filename, '--strict'])
    // The packages are ESM only; every supported Node can require() ESM, so that one rule is moot.
    check('attw', [filename, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'])
  }
} finally {
  rmSync(directory, { recursive: true })
}

process.exitCode = ok ? 0 : 1
