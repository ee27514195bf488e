import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cached.ts'

const run = promisify(execFile)

/** What has every server in the version that the tests are for. */
const suite = 'sid'

/** Debian's own, for a machine that knows no mirror of it, such as one of Ubuntu: that trusts Debian's keys only if told to. */
const publicMirror = {
  site: 'http://deb.debian.org/debian',
  signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
}

/**
 * Unpacks Debian packages and all that they depend on into a folder of the cache, and says where that is. It needs
 * `apt-get` and `dpkg-deb`, outside of Debian its package `debian-archive-keyring`, and no root; what is there already is
 * reused.
 *
 * @throws if there is no `apt-get` or `dpkg-deb`, or if the packages cannot be downloaded.
 */
export function unpackDebian(name: string, packages: readonly string[]): Promise<string> {
  return cached(`${name}-${suite}`, async (work) => {
    const archives = await download(join(work, 'apt'), packages)
    const root = join(work, 'root')
    // One after the other: there are links among them that the next one goes through.
    for (const archive of archives) await run('dpkg-deb', ['--extract', archive, root])
    return root
  })
}

/** By an apt that knows no folder of the machine's but those of its settings and keys. */
async function download(folder: string, packages: readonly string[]): Promise<string[]> {
  const at = (name: string): string => join(folder, name)
  const archives = at('cache/archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(at('state/lists/partial'), { recursive: true })
  await writeFile(at('status'), '')
  const site = await mirrorOfThisMachine()
  const keys = site === '' ? ` signed-by=${publicMirror.signedBy}` : ''
  await writeFile(
    at('sources.list'),
    `deb [check-valid-until=no${keys}] ${site || publicMirror.site} ${suite} main\n`,
  )
  const settings = {
    'Dir::Etc::sourcelist': at('sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': at('state'),
    'Dir::State::status': at('status'),
    'Dir::Cache': at('cache'),
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Debug::NoLocking': 'true',
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`)
  await writeFile(at('apt.conf'), lines.join(''))
  const env = { ...process.env, APT_CONFIG: at('apt.conf'), LC_ALL: 'C' }
  await run('apt-get', ['--quiet', '--quiet', 'update'], { env })
  const install = ['--quiet', '--quiet', '--yes', '--download-only', 'install', ...packages]
  await run('apt-get', install, { env })
  const names = await readdir(archives)
  return names.filter((file) => file.endsWith('.deb')).map((file) => join(archives, file))
}

/** `''` if it knows none. */
async function mirrorOfThisMachine(): Promise<string> {
  const filters = ['Created-By: Packages', 'Origin: Debian']
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(SITE)', ...filters])
  return stdout.split('\n')[0] ?? ''
}
