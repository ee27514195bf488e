import { fromFile } from '@rekey/core'
import { startService } from '../fastify/service.ts'

const { DATABASE_CREDENTIALS: directory = '/var/run/secrets/database' } = process.env

await startService(fromFile({ directory, user: 'username', password: 'password' }))
