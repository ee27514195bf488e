// The process that holds the folder of a test run.

import { chmod, rm } from 'node:fs/promises'
import { hold } from '../../packages/drill/src/servers/hold.ts'
import type { Life } from '../../packages/drill/src/servers/server.ts'

async function open(_request: object, life: Life): Promise<string> {
  const { folder } = life
  // A server that must not run as root has its own folder in it.
  await chmod(folder, 0o755)
  // Those of a run that was killed write into theirs for some seconds more.
  life.onEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 60 }))
  return folder
}

hold('rekey-run-', open)
