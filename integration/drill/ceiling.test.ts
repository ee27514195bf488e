import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertZeroDowntime, drill, mariadb, mysql, type StartTarget } from '@rekey/drill'
import { createConnection as connectTo } from 'mysql2/promise'
import { describe, expect, test } from 'vitest'
import { mysql as protocol } from '../mysql2/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'

/** How long a session stays in the server's list when its client has heard that it is over, in milliseconds. */
const lag = 200

/** A way to a server that has a closing session be seen for a while longer, as a busy one does by itself. */
async function lagging(upstream: { host: string; port: number }) {
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ ...upstream, allowHalfOpen: true })
    let isLeaving = false
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('data', (chunk) => {
      isLeaving = protocol.isGoodbye(chunk)
      if (isLeaving) client.end()
      setTimeout(() => server.write(chunk), isLeaving ? lag : 0)
    })
    client.on('close', () => isLeaving || server.destroy())
    server.on('data', (chunk) => client.write(chunk))
    server.on('end', () => (client.end(), server.end()))
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return listener
}

const pace = { warmUp: 200, steady: 60, queueing: 30, spread: 250, held: 330 }
const short = { rotations: 1, rate: 20, max: 6, pace, control: false }

const { signal: never } = new AbortController()

describe.concurrent.each([
  { name: 'mysql', start: mysql },
  { name: 'mariadb', start: mariadb },
] as const)('$name', ({ name, start }) => {
  async function begin(upstream: { host: string; port: number }): Promise<StartTarget> {
    const { user, password } = await serverAddress(name)
    return start({ url: `${name}://${user}:${password}@${upstream.host}:${upstream.port}/` })
  }

  test('a session that the list shows after its end is not over the ceiling, and not old', async () => {
    const listener = await lagging(await serverAddress(name))
    const { port } = listener.address() as AddressInfo
    try {
      const report = await drill({ ...short, target: await begin({ host: '127.0.0.1', port }) })
      assertZeroDowntime(report)
    } finally {
      listener.close()
    }
  })

  test('a login that was refused is no session', async () => {
    const target = await (await begin(await serverAddress(name)))({ max: 6, signal: never })
    const seen: number[] = []
    let isOver = false
    async function look(): Promise<void> {
      for (; !isOver; await sleep(2)) seen.push((await target.sessions()).size)
    }
    const looking = look()
    try {
      const { host, port } = await serverAddress(name)
      const [user] = target.accounts
      for (let tries = 0; tries < 200; tries += 1) {
        const login = connectTo({ host, port, user, password: 'of nobody' })
        await expect(login).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' })
      }
    } finally {
      isOver = true
      await looking
      await target.close()
    }
    expect(seen.filter((sessions) => sessions > 0)).toEqual([])
  })

  test('a pool that opens one session more is', async () => {
    const target = await begin(await serverAddress(name))
    const report = await drill({
      ...short,
      async target({ max, signal }) {
        const started = await target({ max: max + 1, signal })
        const openPool: typeof started.openPool = (kind, options) =>
          started.openPool(kind, { ...options, max: options.max + 1 })
        return { ...started, openPool }
      },
    })
    expect(() => assertZeroDowntime(report)).toThrow('peak sessions ≤ max: 7 of 6')
  })
})
