import { standingStill } from '../contract/standing-still.ts'
import { connectPostgres } from '../servers/postgres.ts'
import { adapter } from './contract-adapter.ts'

standingStill(adapter, 'postgres', connectPostgres)
