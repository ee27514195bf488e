// Starts a server, says which, and stays until it is killed.

import type { Kind } from './kind.ts'
import { startServer } from './start.ts'

const server = await startServer(process.argv[2] as Kind)
console.log(JSON.stringify(server))
setInterval(() => {}, 1_000)
