/** One migration: what it is called, and its statements. */
export interface Migration {
  readonly name: string
  readonly statements: readonly string[]
}

/** What every library works on, in the words of one database. */
export interface Schema {
  readonly tables: Migration
  /** A migration that waits for whoever is adding {@link awaited}, so that a rotation comes in between. */
  readonly slow: Migration
  /** A statement that answers with the user that has logged in, as `account`. */
  readonly account: string
  /** One that answers with the user, as `account`, while the slow migration waits, and with no name else. */
  readonly waits: string
}

/** The name of the author that the slow migration adds unless it is there. */
export const awaited = 'awaited'

function schema(addAwaited: string, account: string, waits: string): Schema {
  return {
    tables: {
      name: '0001_tables',
      statements: [
        'CREATE TABLE author (name varchar(64) PRIMARY KEY)',
        `CREATE TABLE book (title varchar(64) PRIMARY KEY, author varchar(64) NOT NULL,
          FOREIGN KEY (author) REFERENCES author (name))`,
      ],
    },
    slow: {
      name: '0002_reviews',
      statements: [
        'CREATE TABLE review (id int PRIMARY KEY, title varchar(64) NOT NULL)',
        addAwaited,
        'CREATE INDEX review_title ON review (title)',
      ],
    },
    account,
    waits,
  }
}

export const postgresSchema: Schema = schema(
  `INSERT INTO author VALUES ('${awaited}') ON CONFLICT DO NOTHING`,
  'SELECT session_user AS account',
  // What a session does, only its own role may see; that it waits for a transaction, everybody.
  `SELECT coalesce(max(usename::text), '') AS account FROM pg_locks JOIN pg_stat_activity USING (pid)
   WHERE usename = session_user AND locktype = 'transactionid' AND NOT granted`,
)

export const mysqlSchema: Schema = schema(
  `INSERT IGNORE INTO author VALUES ('${awaited}')`,
  "SELECT SUBSTRING_INDEX(USER(), '@', 1) AS account",
  `SELECT coalesce(max(user), '') AS account FROM performance_schema.processlist
   WHERE id <> CONNECTION_ID() AND info LIKE '%INSERT IGNORE INTO author%'`,
)
