// Files take turns in a process: what one changes in it, the next would find.

import { afterAll, expect } from 'vitest'

const environment = { ...process.env }
const before = processState()

/** What tests change, and imports do not. MikroORM keeps its own setting of colours there. */
function processState(): unknown {
  const names = new Set(Object.keys({ ...environment, ...process.env }))
  names.delete('MIKRO_ORM_COLORS')
  const heard = ['warning', 'unhandledRejection', 'uncaughtException']
  return {
    folder: process.cwd(),
    // By their names alone: nobody wants to read the values in a log.
    changed: [...names].filter((name) => environment[name] !== process.env[name]),
    listeners: heard.map((event) => [event, process.listenerCount(event)]),
  }
}

// The first that is registered is the last that runs.
afterAll(() => expect(processState()).toEqual(before))
