import { containerOf } from './containers/container-of.ts'
import type { NodeAddress } from './server.ts'

/** Ends a process of a server as a crash would. */
export async function killNode({ runsAs }: NodeAddress): Promise<void> {
  if ('pid' in runsAs) process.kill(runsAs.pid, 'SIGKILL')
  else await (await containerOf(runsAs.container)).kill()
}
