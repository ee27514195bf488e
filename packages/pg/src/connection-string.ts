/** What a connection string says of the login; an empty part hides the option of that name all the same. */
export interface StringLogin {
  /** `undefined` where it leaves the option alone. */
  readonly user: string | undefined
  readonly password: string
  readonly database: string
}

/**
 * Reads a connection string as the driver does, which takes more than `URL`: `host database` of a Unix socket, hosts
 * that are empty or an encoded path, spaces, and every part in the query, where it comes before the URL's own.
 * `undefined` for what the driver cannot read either.
 */
export function readConnectionString(text: string): StringLogin | undefined {
  if (text.startsWith('/')) {
    return { user: undefined, password: '', database: text.split(' ')[1] ?? '' }
  }
  const url = [text, encodeURI(text.toWellFormed()), text.replace('@/', '@socket/')]
    .map((candidate) => URL.parse(candidate, 'postgres://base'))
    .find((parsed) => parsed !== null)
  if (!url) return undefined
  const query = (name: string): string => url.searchParams.get(name) ?? ''
  return {
    user: query('user') || url.username,
    password: query('password') || url.password,
    // The driver does not look for `database` in the query.
    database: url.protocol === 'socket:' ? query('db') : url.pathname.slice(1),
  }
}
