import { expect, test } from 'vitest'
import { commandAgain } from '../src/command-again.ts'

test.each([
  [[], ''],
  [['mysql', '--rotations', '3', '--no-control'], ' mysql --rotations 3 --no-control'],
  [['--json', "it's a file.json"], String.raw` --json 'it'\''s a file.json'`],
  [['--json', '$HOME/`x`'], " --json '$HOME/`x`'"],
  [['--url', 'postgres://admin:hunter2@host/app', '--max', '5'], ' --url "$DATABASE_URL" --max 5'],
  [['--url=mysql://admin@host?password=hunter2'], ' --url="$DATABASE_URL"'],
  [['redis://:hunter2@host'], ' "$DATABASE_URL"'],
])('%j can be run again, and carries no secret', (parameters, expected) => {
  expect(commandAgain(parameters)).toBe(`npx rekey-drill${expected}`)
})
