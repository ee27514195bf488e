/** By what the server says of itself: Valkey also says which Redis it once was, and a URL to it may well begin with redis. */
export function serverOf(info: string): { database: 'redis' | 'valkey'; server: string } {
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1]
  if (valkey !== undefined) return { database: 'valkey', server: `Valkey ${valkey}` }
  return { database: 'redis', server: `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1]}` }
}
