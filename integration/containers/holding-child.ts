// Starts a server in a container, says which, and stays until it is killed.

import { startContainers } from '../servers/containers/start.ts'

const { nodes, log } = await startContainers('redis')
console.log(JSON.stringify({ container: nodes[0].container, log }))
setInterval(() => {}, 1_000)
