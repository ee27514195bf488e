import { expect, test } from 'vitest'
import { runChild, type ChildEnding } from '../children/run-child.ts'
import type { Program } from './process-child.ts'
import { threeWays, type Stage } from './three-ways.ts'

function run(
  way: string,
  program: Program,
  { account: { user, password } }: Stage,
  env: NodeJS.ProcessEnv = {},
): Promise<ChildEnding> {
  const login = { CHILD_USER: user, CHILD_PASSWORD: password }
  return runChild({
    driver: 'pg',
    program: new URL('process-child.ts', import.meta.url),
    args: [way, program],
    env: { ...login, ...env },
  })
}

threeWays((way, stage) => {
  const name = way.rotates ? 'rotating' : way.name.startsWith('stock') ? 'stock' : 'plain'

  test.each<[Program, string[]]>([
    ['unused', ['a pool of 10']],
    ['ended', ['ended']],
    ['refused', ['refused', 'refused']],
    ['client', ['ended']],
    ['abandoned', ['abandoned']],
  ])('nothing keeps a process alive: %s', async (program, said) => {
    expect(await run(name, program, stage)).toEqual({ code: 0, said, errors: '' })
  })

  test('an idle pool keeps the process until its idle timeout', async () => {
    expect(await run(name, 'idle', stage)).toEqual({
      code: 0,
      said: ['first', 'second', 'removed'],
      errors: '',
    })
  })

  test('an idle pool with allowExitOnIdle does not', async () => {
    expect(await run(name, 'idle', stage, { CHILD_ALLOW_EXIT: '1' })).toEqual({
      code: 0,
      said: ['first', 'second'],
      errors: '',
    })
  })
})
