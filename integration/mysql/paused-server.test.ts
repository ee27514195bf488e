import { standingStill } from '../contract/standing-still.ts'
import { adapterFor } from '../mysql2/contract-adapter.ts'
import { mysql } from '../mysql2/stage.ts'
import { connectMysql } from '../servers/mysql.ts'

standingStill(adapterFor(mysql), 'mysql', connectMysql)
