// One pool in a process of its own, which times a piece of work whenever it is asked to. In a shared process the
// compiler would meet two kinds of pool and client in the driver's code, and charge it to the kind that came second:
// even a subclass without a body then cost 1 to 3 % of a checkout.

import type { Account } from '../servers/server.ts'
import { monotonic } from './monotonic.ts'
import type { Address, Kind } from './subject.ts'
import { subjects, type SubjectName } from './subjects/index.ts'

/** What the process is asked: to do a piece of work so many times. */
export interface Order {
  readonly work: string
  readonly times: number
}

export interface Setting {
  readonly subject: SubjectName
  readonly kind: Kind
  readonly account: Account
  readonly address: Address
}

const { subject, kind, account, address } = JSON.parse(process.env['REKEY_BENCH'] ?? '') as Setting
const works = subjects[subject].openWorks(kind, address, account)

process.on('message', ({ work, times }: Order) => {
  const from = monotonic()
  void works[work]?.(times).then(() => process.send?.(monotonic() - from))
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
