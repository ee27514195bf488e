import { rotationContract } from '../contract/rotation-contract.ts'
import { adapterFor } from './contract-adapter.ts'

rotationContract(adapterFor('valkey'))
