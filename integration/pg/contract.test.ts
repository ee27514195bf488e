import { rotationContract } from '../contract/rotation-contract.ts'
import { adapter } from './contract-adapter.ts'

rotationContract(adapter)
