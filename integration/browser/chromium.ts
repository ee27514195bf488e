import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createBrotliDecompress } from 'node:zlib'
import { chromium, type Browser, type LaunchOptions } from 'playwright-core'

const packed = fileURLToPath(new URL('../node_modules/@sparticuz/chromium/', import.meta.url))
/** Goes with what it was unpacked from. */
const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url))

/**
 * A headless Chromium: the one that REKEY_CHROMIUM names; else on Linux the one that comes from npm, which needs nothing of
 * the machine's but its libc; else the Chrome that is installed.
 */
export async function startChromium(): Promise<Browser> {
  return chromium.launch(await choose())
}

async function choose(): Promise<LaunchOptions> {
  const { REKEY_CHROMIUM: own } = process.env
  if (own) return { executablePath: own }
  if (process.platform !== 'linux' || process.arch !== 'x64') return { channel: 'chrome' }
  const folder = await unpacked()
  return {
    executablePath: join(folder, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'lib'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  }
}

/** Any number of processes may ask at once: the first that is ready gives the folder the name that counts. */
async function unpacked(): Promise<string> {
  const manifest = await readFile(join(packed, 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const finished = join(cache, `chromium-${version}`)
  if (existsSync(finished)) return finished
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'unpacking-'))
  try {
    await decompress('chromium.br', join(work, 'chromium'))
    for (const name of ['al2023.tar', 'fonts.tar']) {
      const archive = join(work, name)
      await decompress(`${name}.br`, archive)
      await extract(archive, work)
      await rm(archive)
    }
    await writeFile(join(work, 'fonts.conf'), fontsIn(finished))
    await rename(work, finished).catch((error: unknown) => {
      if (!existsSync(finished)) throw error
    })
    return finished
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function decompress(name: string, file: string): Promise<void> {
  const compressed = createReadStream(join(packed, 'bin', name))
  await pipeline(compressed, createBrotliDecompress(), createWriteStream(file, { mode: 0o755 }))
}

/** From a file: tar closes a pipe at the archive's end mark, and whoever still writes what pads it meets an error. */
async function extract(archive: string, folder: string): Promise<void> {
  const all = ['--extract', '--no-same-owner', '--directory', folder, '--file', archive]
  const [code] = (await once(spawn('tar', all, { stdio: 'inherit' }), 'close')) as [number]
  if (code !== 0) throw new Error(`${archive} could not be unpacked.`)
}

/** The machine's fonts, and those from npm where it has none. */
function fontsIn(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'font-cache')}</cachedir>
</fontconfig>
`
}
