import type { Subject } from '../subject.ts'
import { mariadb, mysql } from './mysql.ts'
import { postgres } from './postgres.ts'

/** What can be measured. */
export const subjects = { postgres, mysql, mariadb } satisfies Record<string, Subject>

export type SubjectName = keyof typeof subjects
