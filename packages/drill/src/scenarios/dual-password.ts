import { alternatingUsers } from './alternating-users.ts'
import type { Scenario } from './scenario.ts'

export const dualPassword: Scenario = {
  name: 'dual-password',
  sentence:
    'One account gets a second password; the first is discarded once the pool needs it no more.',
  missing: { postgres: 'a role has one password' },
  succession: 'two-passwords',
  passwordAlone: true,
  rotate: alternatingUsers.rotate,
}
