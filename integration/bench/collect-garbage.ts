import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Bytes of heap in use once everything that nobody refers to is gone. */
export async function heapAfterCollection(): Promise<number> {
  // Finalizers and weak references take a turn of the event loop; what they release goes with the next collection.
  for (let round = 0; round < 3; round += 1) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}
