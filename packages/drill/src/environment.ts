import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import type { Database } from './targets/target.ts'

const drivers: Record<Database, string> = {
  postgres: 'pg',
  mysql: 'mysql2',
  mariadb: 'mysql2',
  redis: 'ioredis',
  valkey: 'ioredis',
}

/** What a drill ran on: names and values. Nothing that says whose machine it is. */
export function environment(database: Database): [name: string, value: string][] {
  const require = createRequire(import.meta.url)
  const versionOf = (name: string): string => {
    const { version } = require(name) as { version: string }
    return version
  }
  const driver = drivers[database]
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return [
    ['driver', `${driver} ${versionOf(`${driver}/package.json`)}`],
    ['rekey', versionOf('../package.json')],
    ['Node.js', process.versions.node],
    ['system', `${platform()} ${release()}, ${arch()}`],
    ['processors', `${availableParallelism()} × ${cpus()[0]?.model.trim() || 'unknown'}`],
    ['memory', `${gigabytes} GB`],
    ['ended', `${new Date().toISOString().slice(0, 19).replace('T', ' ')} UTC`],
  ]
}
