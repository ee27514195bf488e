import { loginContract } from '../contract/rotation-contract.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { adapterFor } from './contract-adapter.ts'
import { mysql } from './stage.ts'

// By caching_sha2_password over the server's unix socket. A container's is not on this side.
async function socketPath(): Promise<string> {
  const { socket } = await serverAddress('mysql')
  if (socket === undefined) throw new Error('The server has no unix socket.')
  return socket
}

loginContract(adapterFor({ ...mysql, socketPath }))
