import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** What a PostgreSQL client says first when it wants TLS. */
export const wantsTls: Buffer = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Valid for localhost and 127.0.0.1 from 2020 to 2119, signed by itself. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBVDCB/KADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCWxvY2FsaG9z
dDAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
bG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUbUGV4ndnJAfbI4q
OcNR3Q4HDtAw2s9fubOMRuVAi3tkQF8PDsfhjoK6ZhpMYhSaCUtkSYTQAjbaw04z
io8heKM9MDswGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBQ7
H6/jOwweqWLjChhceaOO8pESxjAKBggqhkjOPQQDAgNHADBEAiAOGwYPoyFupMLc
ita2yJou4lN5T8e1l7tb0OaSBowCwgIgPy/A8SgMCqvDSnDl5opgMxKMhDRm7pkm
n0JW+5oQwHk=
-----END CERTIFICATE-----
`

const key = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEINf5qeNiWprSzvjPsHafTJxWd48BEmQfr2WrD3RB2bMAoAoGCCqGSM49
AwEHoUQDQgAEUbUGV4ndnJAfbI4qOcNR3Q4HDtAw2s9fubOMRuVAi3tkQF8PDsfh
joK6ZhpMYhSaCUtkSYTQAjbaw04zio8heA==
-----END EC PRIVATE KEY-----
`

/** The first byte of what a client says that begins with TLS. */
export const handshake = 22

/** A server with TLS before one without: it answers the client's wish, if it has one, and passes on what it decrypts. */
export interface TlsFront extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Connections that are open. */
  readonly open: number
}

export async function tlsFront(behind: { host: string; port: number }): Promise<TlsFront> {
  const sockets = new Set<Socket>()
  const server = createServer((plain) => {
    sockets.add(plain)
    plain.on('close', () => sockets.delete(plain))
    plain.on('error', () => {})
    plain.once('readable', () => {
      const first = plain.read(wantsTls.length) as Buffer | null
      if (first?.equals(wantsTls)) plain.write('S')
      else if (first?.[0] === handshake) plain.unshift(first)
      else return plain.destroy()
      const ALPNProtocols = ['postgresql']
      const client = new TLSSocket(plain, { isServer: true, cert: certificate, key, ALPNProtocols })
      const backend = connect(behind.port, behind.host)
      for (const [from, to] of [
        [client, backend],
        [backend, client],
      ] as const) {
        from.on('error', () => to.destroy())
        from.on('close', () => to.destroy())
        from.pipe(to)
      }
      return undefined
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
