import { oneAccountContract } from '../contract/rotation-contract.ts'
import { adapterFor } from '../mysql2/contract-adapter.ts'
import { mariadb, withOneAccount } from '../mysql2/stage.ts'

oneAccountContract(adapterFor(withOneAccount(mariadb)))
