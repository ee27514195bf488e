import { expect, test } from 'vitest'
import { plan, type ConnectionState, type Plan, type World } from '../src/plan.ts'

const now = 1_000
const nothing: Plan<string> = {
  open: [],
  retire: [],
  owes: 0,
  take: { count: 0, which: 'old', owes: false },
  lookAgainAt: undefined,
}

/** `'a1 idle'` is connection a of generation 1 that nobody holds; `'b? connecting'` has not read its credentials yet. */
function world(connections: string[], more: Partial<World<string>> = {}): World<string> {
  return {
    now,
    ceiling: 4,
    connections: connections.map((text) => {
      const [name = '', state] = text.split(' ')
      const generation = name.endsWith('?') ? undefined : Number(name.slice(1))
      return { connection: name, generation, state: state as ConnectionState }
    }),
    target: 2,
    targetWorks: true,
    candidate: undefined,
    owed: { slots: 0, refillAt: 0 },
    opening: 0,
    ahead: 0,
    credit: 0,
    atOnce: 1,
    dueAt: now,
    ...more,
  }
}

const full = ['a1 idle', 'b1 idle', 'c1 lent', 'd1 lent']
const held = ['a1 lent', 'b1 lent', 'c1 lent', 'd1 lent']
const candidate = { tryAt: now }

test.each<[string, World<string>, Partial<Plan<string>>]>([
  ['nothing exists: nothing to do', world([]), {}],
  ['all are new: nothing to do', world(['a2 idle', 'b2 lent']), {}],
  ['an old one that is closing already: nothing to do', world(['a1 closing', 'b2 idle']), {}],
  ['one that has not read its credentials: not old', world(['a? connecting']), {}],

  ['below the ceiling: open first', world(['a1 idle']), { open: ['replacement'] }],
  ['below the ceiling, and it is held: open first', world(['a1 lent']), { open: ['replacement'] }],
  [
    'below the ceiling, two at once, room for both',
    world(['a1 idle', 'b1 idle'], { atOnce: 2 }),
    { open: ['replacement', 'replacement'] },
  ],
  [
    'below the ceiling, three at once, room for one',
    world(['a1 idle', 'b1 idle', 'c1 idle'], { atOnce: 3 }),
    { open: ['replacement'] },
  ],
  [
    'two at once, only one is old',
    world(['a1 idle', 'b2 idle'], { atOnce: 2 }),
    { open: ['replacement'] },
  ],

  ['at the ceiling: retire the first that is idle', world(full), { retire: ['a1'], owes: 1 }],
  [
    'at the ceiling, three at once: the two idle ones and the next that comes back',
    world(full, { atOnce: 3 }),
    { retire: ['a1', 'b1'], owes: 2, take: { count: 1, which: 'old', owes: true } },
  ],
  [
    'at the ceiling, all held: the next old one that comes back',
    world(held),
    { take: { count: 1, which: 'old', owes: true } },
  ],
  [
    'above the ceiling, since max was lowered: as at it',
    world([...full, 'e1 idle']),
    { retire: ['a1'], owes: 1 },
  ],
  [
    'new ones that are idle stay',
    world(['a2 idle', 'b1 idle', 'c2 idle', 'd2 idle']),
    { retire: ['b1'], owes: 1 },
  ],

  [
    'not due yet: look again when it is',
    world(full, { dueAt: now + 50 }),
    { lookAgainAt: now + 50 },
  ],
  ['the target does not work: nothing is replaced', world(full, { targetWorks: false }), {}],
  ['one replacement is on its way, one at once: wait', world(full.slice(1), { opening: 1 }), {}],
  [
    'one replacement is on its way, two at once: one more',
    world(['a1 idle', 'b1 idle', 'c? connecting'], { opening: 1, atOnce: 2 }),
    { open: ['replacement'] },
  ],

  [
    'a slot that is owed is filled before another is emptied',
    world(['b1 idle', 'c1 lent', 'd1 lent'], { owed: { slots: 1, refillAt: now } }),
    { open: ['replacement'] },
  ],
  [
    'a slot that is owed while the old socket is still closing: wait for it',
    world(['a1 closing', 'b1 idle', 'c1 lent', 'd1 lent'], { owed: { slots: 1, refillAt: now } }),
    {},
  ],
  [
    'a slot that is owed but must wait after a failure',
    world(['b1 idle', 'c1 lent', 'd1 lent'], { owed: { slots: 1, refillAt: now + 30 } }),
    { lookAgainAt: now + 30 },
  ],
  [
    'owed slots are filled even where the target does not work: with what does',
    world(['b1 lent'], { owed: { slots: 2, refillAt: now }, targetWorks: false }),
    { open: ['replacement', 'replacement'] },
  ],

  [
    'a replacement came first: one old one leaves',
    world(full.slice(1), { credit: 1 }),
    { retire: ['b1'] },
  ],
  [
    'a replacement came first and all are held: the next one that comes back leaves',
    world(held.slice(1), { credit: 1 }),
    { take: { count: 1, which: 'old', owes: false } },
  ],
  ['a replacement came first but no old one is left', world(['a2 idle'], { credit: 1 }), {}],

  [
    'a candidate below the ceiling: open a probe',
    world(['a2 idle'], { candidate }),
    { open: ['probe'] },
  ],
  [
    'a candidate at the ceiling: one idle slot, an old one if there is one',
    world(['a2 idle', 'b1 idle', 'c2 lent', 'd2 lent'], { candidate }),
    { retire: ['b1'], owes: 1 },
  ],
  [
    'a candidate at the ceiling, none is old: one idle slot',
    world(['a2 idle', 'b2 idle', 'c2 lent', 'd2 lent'], { candidate }),
    { retire: ['a2'], owes: 1 },
  ],
  [
    'a candidate at the ceiling, all held: whichever comes back next',
    world(['a2 lent', 'b2 lent', 'c2 lent', 'd2 lent'], { candidate }),
    { take: { count: 1, which: 'any', owes: true } },
  ],
  [
    'a candidate whose slot is free: the probe takes it',
    world(['b2 idle', 'c2 lent', 'd2 lent'], { candidate, owed: { slots: 1, refillAt: now } }),
    { open: ['probe'] },
  ],
  [
    'a candidate that is being tried: one slot, never more',
    world(full.slice(1), { candidate, opening: 1 }),
    {},
  ],
  [
    'a candidate that is being tried at the ceiling: one slot, never more',
    world(['a? connecting', ...full.slice(1)], { candidate, opening: 1, atOnce: 4 }),
    {},
  ],
  [
    'a candidate that must wait: look again then, and go on with the target meanwhile',
    world(full, { candidate: { tryAt: now + 500 }, dueAt: now + 900 }),
    { lookAgainAt: now + 500 },
  ],
  [
    'a refused candidate: the slot goes back to what works, and the candidate waits',
    world(['b2 idle', 'c2 lent', 'd2 lent'], {
      candidate: { tryAt: now + 500 },
      owed: { slots: 1, refillAt: now },
    }),
    { open: ['replacement'], lookAgainAt: now + 500 },
  ],
])('%s', (_what, given, answer) => {
  const { take, ...rest } = plan(given)
  // Which to take does not matter where none is taken.
  const taken = take.count === 0 ? nothing.take : take
  expect({ ...rest, take: taken }).toEqual({ ...nothing, ...answer })
})

test('the plan changes nothing of what it is given', () => {
  const given = world(full, { candidate, atOnce: 3 })
  const before = structuredClone(given)
  plan(given)
  expect(given).toEqual(before)
})
