// The process that holds the embedded server. It lives as long as its channel to the drill is open, so that the server
// and its folder go away however the drill ends: by itself, by Ctrl-C, by a crash or by `kill -9`.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBinaries, type Binaries } from './binaries.ts'

/** What the drill asks for, once. */
export interface ServerRequest {
  readonly user: string
  readonly password: string
  readonly maxConnections: number
}

/** What it is told, once. */
export type ServerAnswer = { readonly port: number } | { readonly error: string }

/** A port that is free may be taken before the server has it. */
const portAttempts = 3

// What the server says, and what is looked for in it, is in English.
const env = { ...process.env, LC_ALL: 'C' }

let folder: string | undefined
let server: ChildProcess | undefined
let starting: Promise<void> = Promise.resolve()

process.once('message', (request: ServerRequest) => {
  starting = start(request).then(
    (port) => answer({ port }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})
process.once('disconnect', () => void stop())

async function start(request: ServerRequest): Promise<number> {
  folder = await mkdtemp(join(tmpdir(), 'rekey-drill-'))
  const binaries = await findBinaries(folder)
  const data = join(folder, 'data')
  await initialise(binaries, folder, data, request)
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    // Nobody waits any more: do not start what would have to be stopped.
    if (!process.connected) return port
    const failure = await launch(binaries, folder, [
      ...['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1'],
      ...['-c', 'unix_socket_directories=', '-c', `max_connections=${request.maxConnections}`],
      // It is thrown away in a minute: it need not survive a power cut.
      ...['-c', 'fsync=off'],
    ])
    if (failure === undefined) return port
    if (attempt === portAttempts) throw new Error(failure)
  }
}

async function initialise(
  { initdb, as }: Binaries,
  cwd: string,
  data: string,
  { user, password }: ServerRequest,
): Promise<void> {
  const passwordFile = join(cwd, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (as.uid !== undefined && as.gid !== undefined) await chown(passwordFile, as.uid, as.gid)
  await promisify(execFile)(
    initdb,
    [
      ...[`--pgdata=${data}`, `--username=${user}`, `--pwfile=${passwordFile}`],
      // Every login must need its password, or the drill would prove nothing.
      ...['--auth=scram-sha-256', '--no-locale', '--encoding=UTF8', '--no-sync'],
    ],
    { ...as, cwd, env },
  )
  await rm(passwordFile)
}

/** Resolves with nothing when the server takes connections, or with what it said when it ended instead. */
async function launch(
  { postgres, as }: Binaries,
  cwd: string,
  parameters: string[],
): Promise<string | undefined> {
  const child = spawn(postgres, parameters, {
    ...as,
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  server = child
  let said = ''
  const ready = new Promise<void>((resolve) => {
    // It is read to the end: a server whose pipe is full would stand still.
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
      if (said.includes('ready to accept connections')) resolve()
    })
  })
  return Promise.race([ready.then(() => undefined), ended.then(() => said)])
}

async function stop(): Promise<void> {
  await starting
  if (server !== undefined && server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit')
    // Not SIGTERM: that one waits for the sessions to end.
    server.kill('SIGINT')
    await ended
  }
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

function answer(message: ServerAnswer): void {
  if (process.connected) process.send?.(message)
}
