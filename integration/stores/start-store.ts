import { afterAll } from 'vitest'
import { startHolder } from '../../packages/drill/src/servers/start-holder.ts'
import type { StoreRequest } from './holder.ts'

/** Starts a real store for the tests of one file, and answers its URL. @throws if it cannot be had. */
export async function startStore(kind: StoreRequest['kind']): Promise<string> {
  const request: StoreRequest = { kind }
  const { started, stop } = await startHolder<string>(
    new URL('./holder.ts', import.meta.url),
    request,
  )
  afterAll(stop)
  return started
}
