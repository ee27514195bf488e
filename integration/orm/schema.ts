/** One migration: what it is called, and its statements. */
export interface Migration {
  readonly name: string
  readonly statements: readonly string[]
}

/** What every library works on, in the words of one database. */
export interface Schema {
  readonly tables: Migration
  /** A migration that takes its time, so that a rotation comes in between. */
  readonly slow: Migration
  /** A statement that answers with the user that has logged in, as `account`. */
  readonly account: string
}

function schema(sleep: string, account: string): Schema {
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
        sleep,
        'CREATE INDEX review_title ON review (title)',
      ],
    },
    account,
  }
}

export const postgresSchema: Schema = schema(
  'SELECT pg_sleep(0.8)',
  'SELECT session_user AS account',
)

export const mysqlSchema: Schema = schema(
  'DO SLEEP(0.8)',
  "SELECT SUBSTRING_INDEX(USER(), '@', 1) AS account",
)
