import type { Socket } from 'node:net'
import { Pool, type PoolConfig } from '@rekey/pg'
import type pg from 'pg'
import { expect, test } from 'vitest'
import type { Stage } from '../contract/stage.ts'
import { inTime, until } from '../until.ts'
import { oddServer } from './odd-server.ts'
import { closing, openStage } from './stage.ts'
import { called } from './three-ways.ts'
import { certificate, handshake, tlsFront, wantsTls } from './tls-front.ts'

const drainDeadline = 60_000

/** The first byte of what asks for a statement to be cancelled, which is a length. */
const cancelRequest = 0

function openPool(
  { address, credentials }: Stage,
  options: PoolConfig,
): InstanceType<typeof Pool> & AsyncDisposable {
  const rotation = { spread: 0, drainDeadline, atDrainDeadline: 'cancel' } as const
  return closing(new Pool({ ...address, credentials, max: 2, rotation, ...options }))
}

/** Has a client's holder keep it beyond the drain deadline. */
async function overhold(stage: Stage, pool: InstanceType<typeof Pool>): Promise<void> {
  await stage.rotate()
  await until('the new version to be open', () => pool.generations[1]?.idle === 1)
  await stage.clock.advance(drainDeadline)
}

/** Nothing of the rotation, of the cache, and of what they have begun waits for a moment to come. */
async function endAndLookForTimers(
  stage: Stage,
  pool: pg.Pool,
  client: pg.PoolClient,
): Promise<void> {
  client.release()
  await inTime('the pool to end', pool.end())
  await stage.credentials.close()
  await until('the last timer to be taken back', () => stage.clock.pending === 0)
}

const encryptions = {
  'without TLS': undefined,
  'over TLS': { ssl: { ca: certificate } },
  'over TLS that begins unasked': { ssl: { ca: certificate }, sslnegotiation: 'direct' },
} as const satisfies Record<string, PoolConfig | undefined>

test.each(['over TLS', 'over TLS that begins unasked'] as const)(
  'at the drain deadline cancel stops the statement %s, and leaves nothing behind',
  async (name) => {
    await using stage = await openStage()
    await using front = await tlsFront(stage.proxy)
    const { host, port } = front
    await using pool = openPool(stage, { host, port, ...encryptions[name] })
    const client = await pool.connect()
    const begun = called((callback) => client.once('notice', callback))
    const asked = client.query("DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(600); END $$")
    const cancelled = expect(asked).rejects.toMatchObject({ code: '57014' })
    await begun
    await overhold(stage, pool)
    await inTime('the statement to stop', cancelled)
    await endAndLookForTimers(stage, pool, client)
    await until('the sockets to close', () => front.open === 0)
  },
)

test.each(Object.entries(encryptions))(
  'a cancel %s that meets silence is given up after the login deadline, and nobody waits for it',
  async (_name, encryption) => {
    await using stage = await openStage()
    const heard: Buffer[] = []
    const agreeToTls = (socket: Socket): void =>
      void socket.on('data', (chunk: Buffer) => {
        heard.push(chunk)
        if (chunk.equals(wantsTls)) socket.write('S')
      })
    await using server = await oddServer(agreeToTls)
    await using front = await tlsFront(stage.proxy)
    const { host, port } = encryption === undefined ? stage.proxy : front
    await using pool = openPool(stage, { host, port, ...encryption })
    const client = await pool.connect()
    // Whoever cancels what a client does goes where the client has gone.
    Object.assign(client, { host: server.host, port: server.port })
    await overhold(stage, pool)
    const last = encryption === undefined ? cancelRequest : handshake
    await until('it to have said its last word', () => heard.some(([first]) => first === last))
    client.release()
    await inTime('the pool to end', pool.end())
    await stage.credentials.close()
    expect([server.open, stage.clock.pending]).toEqual([1, 1])
    await stage.clock.advance(stage.credentials.timings.loginDeadline)
    await until('its socket to close', () => server.open === 0)
  },
)

test('a cancel that nobody takes is no error of anybody’s, and leaves no timer', async () => {
  await using stage = await openStage()
  await using pool = openPool(stage, {})
  const client = await pool.connect()
  Object.assign(client, { port: 1 })
  await overhold(stage, pool)
  await endAndLookForTimers(stage, pool, client)
})
