import type { Pool } from 'generic-pool'
import { setUp, Stage } from '../contract/stage.ts'
import { startDirectory } from './directory-server.ts'

/** Whether a client says goodbye to the directory with this. */
export function isGoodbye(chunk: Buffer): boolean {
  return chunk.toString().endsWith('UNBIND\n')
}

/** A stage whose directory allows this many sessions. */
export async function openDirectory(sessions = 4): Promise<Stage> {
  return new Stage(await setUp({ connectServer: startDirectory, isGoodbye }, sessions))
}

/** A pool that is over with its block. */
export function ending<P extends Pick<Pool<unknown>, 'drain' | 'clear'>>(
  pool: P,
): P & AsyncDisposable {
  return Object.assign(pool, {
    async [Symbol.asyncDispose]() {
      await pool.drain()
      await pool.clear()
    },
  })
}

type Counts = Pick<Pool<unknown>, 'size' | 'available' | 'borrowed' | 'pending'>

export function counts({ size, available, borrowed, pending }: Counts): Counts {
  return { size, available, borrowed, pending }
}
