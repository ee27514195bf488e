import type pg from 'pg'
import { expect, test } from 'vitest'
import { until } from '../until.ts'
import { ending, threeWays } from './three-ways.ts'
import { certificate, tlsFront } from './tls-front.ts'

function isEncrypted(client: pg.Client): boolean {
  const { stream } = client.connection as unknown as { stream: { encrypted?: boolean } }
  return stream.encrypted === true
}

threeWays((way, stage) => {
  test('a pool works over TLS, and closes what it opened', async () => {
    await using front = await tlsFront(stage.place)
    const { host, port } = front
    const pool = way.pool({ host, port, ssl: { ca: certificate }, max: 2 })
    const clients = await Promise.all([pool.connect(), pool.connect()])
    expect(clients.map(isEncrypted)).toEqual([true, true])
    expect(front.open).toBe(2)
    const [broken, kept] = clients
    broken.release(true)
    await until('its socket to close', () => front.open === 1)
    const next = await pool.connect()
    expect((await next.query('SELECT 1')).rowCount).toBe(1)
    next.release()
    kept.release()
    await pool.end()
    await until('the sockets to close', () => front.open === 0)
  })

  test('a client works over TLS', async () => {
    await using front = await tlsFront(stage.place)
    const { host, port } = front
    const client = way.client({ host, port, ssl: { rejectUnauthorized: false } })
    await client.connect()
    expect(isEncrypted(client)).toBe(true)
    expect((await client.query('SELECT 1')).rowCount).toBe(1)
    await client.end()
    await until('the socket to close', () => front.open === 0)
  })

  test('a certificate that nobody vouches for is the caller’s error', async () => {
    await using front = await tlsFront(stage.place)
    const { host, port } = front
    const expected = { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }
    await using pool = ending(way.pool({ host, port, ssl: true }))
    await expect(pool.connect()).rejects.toMatchObject(expected)
    await expect(way.client({ host, port, ssl: true }).connect()).rejects.toMatchObject(expected)
    await until('the sockets to close', () => front.open === 0)
  })

  test('a login that fails over TLS is the caller’s error, and its socket closes', async () => {
    await using front = await tlsFront(stage.place)
    const { host, port } = front
    const ssl = { ca: certificate }
    await using pool = ending(way.pool({ host, port, ssl, database: 'nowhere', max: 1 }))
    await expect(pool.connect()).rejects.toMatchObject({ code: '3D000' })
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '3D000' })
    await until('the sockets to close', () => front.open === 0)
  })

  test('an idle client whose backend is killed over TLS is the pool’s error', async () => {
    await using front = await tlsFront(stage.place)
    const { host, port } = front
    await using pool = ending(way.pool({ host, port, ssl: { ca: certificate }, max: 1 }))
    const errors: unknown[] = []
    pool.on('error', (error) => errors.push(error))
    const client = await pool.connect()
    const { processID } = client as unknown as { processID: number }
    client.release()
    await stage.place.kill({ id: processID, user: stage.account.user })
    await until('the pool to hear of it', () => errors.length > 0)
    expect(errors[0]).toMatchObject({ code: '57P01' })
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })
})
