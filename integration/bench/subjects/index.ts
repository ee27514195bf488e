import type { Subject } from '../subject.ts'
import { postgres } from './postgres.ts'

/** What can be measured. */
export const subjects = { postgres } satisfies Record<string, Subject>

export type SubjectName = keyof typeof subjects
