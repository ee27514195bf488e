import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { slowGoodbyes } from '../src/slow-goodbyes.ts'
import type { Wire } from '../src/targets/target.ts'

/** What the server has heard, and when. */
let heard: { text: string; atMs: number }[]
let server: Server
let folder: string

function hear(text: string): void {
  heard.push({ text, atMs: performance.now() })
}

beforeEach(async () => {
  heard = []
  folder = await mkdtemp(join(tmpdir(), 'slow-goodbyes-'))
  server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('data', (chunk: Buffer) => (hear(chunk.toString()), socket.write('yes')))
    socket.on('end', () => (hear('end'), socket.end()))
  })
})

afterEach(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

function wireTo(at: Wire['at']): Wire {
  return { at, isPlain: true, isGoodbye: (chunk) => Buffer.from(chunk).equals(Buffer.from('bye')) }
}

test.each(['port', 'path'] as const)(
  'what a client says passes at once, and its goodbye late, to a server at a %s',
  async (kind) => {
    const path = join(folder, 'socket')
    server.listen(kind === 'path' ? path : 0)
    await once(server, 'listening')
    const at = kind === 'path' ? { path } : (server.address() as AddressInfo)
    await using between = await slowGoodbyes(
      wireTo('path' in at ? at : { host: '127.0.0.1', port: at.port }),
      100,
    )
    const client = connect({ host: between.host, port: between.port, noDelay: true })
    client.write('query')
    expect(String((await once(client, 'data'))[0])).toBe('yes')
    const saidAt = performance.now()
    client.write('bye')
    client.end()
    await once(client, 'close')
    expect(heard.map(({ text }) => text)).toEqual(['query', 'bye', 'end'])
    // A timer may be a millisecond early by this clock.
    expect(heard[1]!.atMs - saidAt).toBeGreaterThanOrEqual(99)
  },
)

test('what breaks on one side breaks on the other', async () => {
  server.listen(0)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const { port } = server.address() as AddressInfo
  await using between = await slowGoodbyes(wireTo({ host: '127.0.0.1', port }), 60_000)
  const client = connect({ host: between.host, port: between.port })
  const failed = once(client, 'error')
  // `once` rejects with an error event.
  failed.catch(() => {})
  const [socket] = await accepted
  socket.resetAndDestroy()
  await expect(failed).resolves.toMatchObject([{ code: 'ECONNRESET' }])
})
