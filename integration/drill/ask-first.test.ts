import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { UsageError } from '../../packages/drill/src/arguments.ts'
import { askFirst, type Intent } from '../../packages/drill/src/ask-first.ts'
import { serverAddress } from '../servers/on-demand.ts'

async function intent(): Promise<Intent> {
  const { host, port, user, password } = await serverAddress('postgres')
  const url = `postgres://${user}:${password}@${host}:${port}/postgres`
  return { database: 'postgres', url, rate: 400, max: 20, yes: false, iKnow: true }
}

function atTerminal(): PassThrough & { isTTY: true } {
  return Object.assign(new PassThrough(), { isTTY: true as const })
}

/** A terminal at which somebody has typed this. */
function terminal(answer: string): { input: PassThrough; output: PassThrough } {
  const [input, output] = [atTerminal(), atTerminal()]
  input.write(answer)
  return { input, output }
}

test('who is asked at a terminal is told where and what, and may say yes', async () => {
  const { input, output } = terminal('yes\n')
  const given = await intent()
  await askFirst(given, { input, output })
  const asked = String(output.read())
  expect(asked).toMatch(/PostgreSQL \S+ at 127\.0\.0\.1, as postgres:$/m)
  expect(asked).toContain('make three roles and a schema, all named rekey_drill_…')
  expect(asked).toContain('400 requests per second on up to 20 sessions')
  expect(asked).not.toContain(new URL(given.url).password)
})

test.each(['n\n', '\n', 'why?\n'])('%j is no consent', async (answer) => {
  const asking = askFirst(await intent(), terminal(answer))
  await expect(asking).rejects.toThrow(UsageError)
  await expect(asking).rejects.toThrow('Nothing was made.')
})

test('who has said --yes is not asked', async () => {
  const { input, output } = terminal('')
  await askFirst({ ...(await intent()), yes: true }, { input, output })
  expect(output.read()).toBe(null)
})
