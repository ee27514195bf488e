import { rotationContract } from '../contract/rotation-contract.ts'
import { adapterFor } from './contract-adapter.ts'
import { mysql } from './stage.ts'

rotationContract(adapterFor(mysql))
