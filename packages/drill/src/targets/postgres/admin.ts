import pg from 'pg'
import { DrillError } from '../../error.ts'

/** A connection of the account that may create others. @throws {DrillError} if there is none. */
export async function connect(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config)
  // A server that goes away is noticed by the next statement.
  client.on('error', () => {})
  try {
    await client.connect()
    return client
  } catch (error) {
    const where = `${client.host}:${client.port} as ${client.user}`
    throw new DrillError(`The server could not be reached at ${where}: ${String(error)}`, {
      cause: error,
    })
  }
}

/** Has the server do something. @throws {DrillError} with what it says where it does not. */
export async function ask(admin: pg.Client, text: string, values: unknown[] = []): Promise<void> {
  try {
    await admin.query(text, values)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}

export async function versionOf(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version')
  // Distributions add their own name in brackets.
  return `PostgreSQL ${rows[0]?.server_version.split(' ')[0]}`
}
