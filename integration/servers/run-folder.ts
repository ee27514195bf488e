import { startHolder } from '../../packages/drill/src/servers/start-holder.ts'

/**
 * What this process and those that it starts from now on write for a while goes into a folder of this run. That is gone with
 * it, however it ends, also by `kill -9`.
 */
export async function openRunFolder(): Promise<AsyncDisposable> {
  const program = new URL('./run-folder-holder.ts', import.meta.url)
  const { started: folder, stop } = await startHolder<string>(program, {})
  process.env['TMPDIR'] = folder
  return { [Symbol.asyncDispose]: stop }
}
