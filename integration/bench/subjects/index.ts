import type { Subject } from '../subject.ts'
import { mariadb, mysql } from './mysql.ts'
import { postgres } from './postgres.ts'
import { redis, valkey } from './redis.ts'

/** What can be measured. */
export const subjects = { postgres, mysql, mariadb, redis, valkey } satisfies Record<
  string,
  Subject
>

export type SubjectName = keyof typeof subjects
