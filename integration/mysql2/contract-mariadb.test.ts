import { rotationContract } from '../contract/rotation-contract.ts'
import { adapterFor } from './contract-adapter.ts'
import { mariadb } from './stage.ts'

rotationContract(adapterFor(mariadb))
