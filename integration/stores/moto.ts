import { join } from 'node:path'
import { unpackDebian } from '../../packages/drill/src/servers/debian-packages.ts'
import { freePorts } from '../../packages/drill/src/servers/free-ports.ts'
import { launch } from '../../packages/drill/src/servers/launch.ts'
import { throughLoader } from '../../packages/drill/src/servers/programs.ts'
import { logName, type Life } from '../../packages/drill/src/servers/server.ts'

/** Starts moto, an emulator of AWS: Secrets Manager, STS and more. It runs under the Python that its packages bring. */
export async function startMoto(life: Life): Promise<string> {
  const root = await unpackDebian('moto', ['python3-moto', 'python3-flask-cors'])
  const { prefix, command } = throughLoader(root)
  const [port = 0] = await freePorts(1)
  // Isolated: whatever Python the machine has, and has set, is not this one's.
  const python = [...command('python3'), '-I'] as [string, ...string[]]
  await launch(
    {
      command: [...python, join(prefix, 'bin/moto_server'), '--port', String(port)],
      cwd: life.folder,
      log: join(life.folder, logName),
      ready: /Running on/,
    },
    life,
  )
  return `http://127.0.0.1:${port}`
}
