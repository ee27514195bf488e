import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo, type Server } from 'node:net'

/**
 * Below the range from which the system takes the ports of outgoing connections, and the engine those that it chooses:
 * a port that is free now stays free. All are held until the last is found, so that no two are the same.
 */
export async function freePorts(count: number): Promise<number[]> {
  const probes: Server[] = []
  while (probes.length < count) {
    const probe = await listen(randomInt(20_000, 30_000))
    if (probe !== undefined) probes.push(probe)
  }
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
  return ports
}

/** `undefined` if the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(undefined))
    probe.listen(port, () => resolve(probe))
  })
}
