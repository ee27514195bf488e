import { fromFile } from '@rekey/core'
import { startService } from './service.ts'

await startService(fromFile(process.env['DATABASE_CREDENTIALS'] ?? '/etc/app/database.json'))
