import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { PostgresAnswer, PostgresRequest } from './postgres-process.ts'
import { postgresSettings } from './postgres.ts'
import type { RunningServer } from './server.ts'

/** Starts an embedded PostgreSQL on a free port of loopback. It is gone when `stop` resolves, or when this process is. */
export async function startPostgres(): Promise<RunningServer> {
  const user = 'postgres'
  const password = randomBytes(12).toString('hex')
  const holder = fork(new URL('./postgres-process.ts', import.meta.url), {
    // A group of its own: a Ctrl-C is for the test run, which then stops the server in order.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(holder, 'exit')
  const died = ended.then((): PostgresAnswer => ({ error: 'its process ended' }))
  const request: PostgresRequest = { user, password, settings: postgresSettings }
  holder.send(request)
  const answered = once(holder, 'message').then(([message]) => message as PostgresAnswer)
  const answer = await Promise.race([answered, died])
  const stop = async (): Promise<void> => {
    if (holder.connected) holder.disconnect()
    await ended
  }
  if ('port' in answer) return { host: '127.0.0.1', ...answer, user, password, stop }
  await stop()
  throw new Error(
    `The embedded PostgreSQL did not start: ${answer.error}\n` +
      'With "EACCES", a folder above this one is closed to the user postgres, as whom the server runs where the ' +
      'tests run as root: move the clone out of it.',
  )
}
