import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { Survey } from './targets/survey.ts'

/** More sessions of others than this, and somebody works there. */
const mostSessions = 20

/** More data than this, in bytes, and somebody has put it there. */
const mostBytes = 10 * 2 ** 30

/** Words that people write into the names of what must not break. */
const words = /(?<![a-z])(?:prod|production|prd|live)(?![a-z])/i

/** Networks that are not the internet: loopback, link-local and private ones. */
const near = new BlockList()
near.addSubnet('127.0.0.0', 8)
near.addSubnet('10.0.0.0', 8)
near.addSubnet('172.16.0.0', 12)
near.addSubnet('192.168.0.0', 16)
near.addSubnet('169.254.0.0', 16)
near.addAddress('::1', 'ipv6')
near.addSubnet('fc00::', 7, 'ipv6')
near.addSubnet('fe80::', 10, 'ipv6')

/** What makes a server look like production, each in a few words; empty where nothing does. */
export async function signsOfProduction(survey: Survey): Promise<string[]> {
  const { host, names, sessions, bytes } = survey
  const signs: string[] = []
  if (!(await isNear(host))) signs.push(`${host} is neither this machine nor in a private network`)
  for (const name of [host, ...names]) {
    if (words.test(name)) signs.push(`"${name}" is the name of something that is live`)
  }
  if (sessions > mostSessions) signs.push(`${sessions} sessions of others are open`)
  if (bytes > mostBytes) signs.push(`it holds ${Math.round(bytes / 2 ** 30)} GiB`)
  return signs
}

/** A host without an address is a socket of this machine, or one that cannot be reached. */
async function isNear(host: string): Promise<boolean> {
  if (host === '' || host.startsWith('/')) return true
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const found = isIP(bare) > 0 ? [{ address: bare }] : await lookup(bare, { all: true })
  return found.every(({ address }) => near.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))
}
