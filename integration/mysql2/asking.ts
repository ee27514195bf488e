import type { Connection, RowDataPacket } from 'mysql2/promise'

type Asked = Pick<Connection, 'query'>

/** The account that the session has logged in with. */
export async function userOf(connection: Asked): Promise<string> {
  const [[row]] = await connection.query<({ user: string } & RowDataPacket)[]>(
    "SELECT substring_index(user(), '@', 1) AS user",
  )
  return row?.user ?? ''
}

/** What a statement answers as `number`. */
export async function numberFrom(connection: Asked, statement: string): Promise<number> {
  const [[row]] = await connection.query<({ number: number | string } & RowDataPacket)[]>(statement)
  return Number(row?.number)
}
