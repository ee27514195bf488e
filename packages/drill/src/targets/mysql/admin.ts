import {
  createConnection,
  type Connection,
  type QueryResult,
  type RowDataPacket,
} from 'mysql2/promise'
import { DrillError } from '../../error.ts'

export type Rows<Row> = (Row & RowDataPacket)[]

/** A connection of the account that may create others. @throws {DrillError} if there is none. */
export async function connect(url: string): Promise<Connection> {
  try {
    const connection = await createConnection(url)
    // A server that goes away is noticed by the next statement.
    return connection.on('error', () => {})
  } catch (error) {
    const { hostname, port, username } = new URL(url)
    const where = `${hostname}:${port || 3306} as ${username}`
    throw new DrillError(`The server could not be reached at ${where}: ${String(error)}`, {
      cause: error,
    })
  }
}

/** Has the server do something. @throws {DrillError} with what it says where it does not. */
export async function ask<Result extends QueryResult>(
  admin: Connection,
  text: string,
  values: unknown[],
): Promise<Result> {
  try {
    const [result] = await admin.query<Result>(text, values)
    return result
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new DrillError(`The server did not do what the drill needs: ${message}`, { cause: error })
  }
}

export async function versionOf(admin: Connection): Promise<string> {
  const [row] = await ask<Rows<{ version: string }>>(admin, 'SELECT VERSION() AS version', [])
  return row?.version ?? ''
}
