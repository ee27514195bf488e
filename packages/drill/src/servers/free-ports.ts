import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Milliseconds for which nobody else is given a port: by then its server listens. */
const claimLasts = 60_000

/**
 * Below the range from which the system takes the ports of outgoing connections, and the engine those that it chooses:
 * a port that is free now stays free.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(20_000, 30_000)
    if ((await claim(port)) && (await isFree(port))) ports.push(port)
  }
  return ports
}

/** Binds its twin in UDP, which none of the servers uses: whoever asks next cannot, in another process either. */
function claim(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const twin = createSocket('udp4')
    twin.once('error', () => {
      twin.close()
      resolve(false)
    })
    twin.bind(port, '127.0.0.1', () => {
      twin.unref()
      setTimeout(() => twin.close(), claimLasts).unref()
      resolve(true)
    })
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}
