import { loginContract } from '../contract/rotation-contract.ts'
import { adapterFor } from '../mysql2/contract-adapter.ts'
import { mysql } from '../mysql2/stage.ts'
import { serverAddress } from '../servers/on-demand.ts'

const { ca } = await serverAddress('mysql')

// By caching_sha2_password over TLS. The whole contract is run without: there the server's key encrypts the password.
loginContract(adapterFor(mysql, { ssl: { ca } }))
