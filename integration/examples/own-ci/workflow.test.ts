import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseArguments } from '../../../packages/drill/src/arguments.ts'

interface Workflow {
  readonly jobs: {
    readonly drill: {
      readonly services: {
        readonly postgres: {
          readonly env: { readonly POSTGRES_PASSWORD: string }
          readonly ports: readonly string[]
        }
      }
      readonly env: { readonly DATABASE_URL: string }
      readonly steps: readonly {
        readonly if?: string
        readonly uses?: string
        readonly run?: string
        readonly with?: { readonly path?: string }
      }[]
    }
  }
}

const text = await readFile(new URL('rotation-drill.yml', import.meta.url), 'utf8')
const { services, env, steps } = (parse(text) as Workflow).jobs.drill

test('the workflow drills the PostgreSQL that it starts, as the drill understands it, and keeps the page of a failure too', () => {
  const url = new URL(env.DATABASE_URL)
  expect(url.password).toBe(services.postgres.env.POSTGRES_PASSWORD)
  expect(services.postgres.ports).toEqual([`${url.port}:5432`])

  const commands = steps.flatMap(({ run = '' }) => run.match(/^npx rekey-drill (.*)$/)?.[1] ?? [])
  expect(commands).toHaveLength(1)
  const words = commands[0]!.replaceAll('"$DATABASE_URL"', env.DATABASE_URL).split(' ')
  const drill = parseArguments(words)
  expect(drill).toMatchObject({
    kind: 'drill',
    database: 'postgres',
    url: env.DATABASE_URL,
    yes: true,
  })

  const upload = steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact@'))
  expect(upload?.if).toBe('always()')
  const kept = upload?.with?.path?.trim().split('\n')
  expect(drill).toMatchObject({ report: kept?.[0], json: kept?.[1] })
})
