import autocannon, { type Result } from 'autocannon'
import pg from 'pg'
import type { Account } from '../../servers/server.ts'
import { openPlace } from '../../stores/whole-way.ts'
import { until } from '../../until.ts'
import { Program } from '../program.ts'

/** How one of the services is run, and how its credentials are published. */
export interface Deployment {
  readonly main: URL
  readonly env: Readonly<Record<string, string>>
  readonly publish: (account: Account) => Promise<void>
}

/** What autocannon counted, and what was seen of the service from outside. */
interface Outcome extends Pick<Result, 'non2xx' | 'errors' | 'timeouts' | '2xx'> {
  /** Sessions of an old user after the service had said that it is drained, over all rotations. */
  readonly oldSessions: number
  /** By whom the service was served after each rotation, and by whom it should have been. */
  readonly servedBy: string[]
  readonly published: string[]
  /** What it logged at the level of an error. */
  readonly logged: string[]
  readonly exitCode: unknown
}

/** As many as the service's pool may have: the server grants no more. */
const sessions = 10

/** Runs a service as its users do, and rotates its credentials three times while autocannon is at it. */
export async function rotateUnderLoad({ main, env, publish }: Deployment): Promise<Outcome> {
  await using place = await openPlace(sessions)
  let [current, other] = [await place.createAccount(), await place.createAccount()]
  const { host, port, database } = place
  await createTables({ host, port, database, ...current })
  await publish(current)
  await using service = new Program(main, {
    DATABASE_URL: `postgres://${host}:${port}/${database}`,
    ...{ HOST: '127.0.0.1', PORT: '0', ROTATION_SPREAD: '300' },
    ...env,
  })
  const url = await service.writes(/http:\/\/127\.0\.0\.1:\d+/)

  let answered = 0
  const { promise: result, resolve, reject } = Promise.withResolvers<Result>()
  const load = autocannon(
    {
      ...{ url, connections: 20, duration: 120, timeout: 60, sampleInt: 100 },
      requests: [
        { method: 'GET', path: '/products/7' },
        { method: 'POST', path: '/products/7/orders' },
      ],
    },
    (error, found) => (error ? reject(error as Error) : resolve(found)),
  )
  load.on('response', () => (answered += 1))
  const goesOn = async (): Promise<void> => {
    const before = answered
    await until('answers', () => answered >= before + 100)
  }

  let oldSessions = 0
  const servedBy: string[] = []
  const published: string[] = []
  try {
    for (let rotation = 1; rotation <= 3; rotation += 1) {
      await goesOn()
      ;[current, other] = [await place.rotate(other), current]
      published.push(current.user)
      await publish(current)
      await service.writes(/"msg":"drained"/, rotation)
      oldSessions += (await place.sessions(other.user)).length
      await place.revoke(other)
      const health = await fetch(`${url}/health`)
      servedBy.push(((await health.json()) as { user: string }).user)
    }
    await goesOn()
  } finally {
    load.stop()
  }
  const { non2xx, errors, timeouts, '2xx': good } = await result
  const exitCode = await service.end()
  const logged = service.output.split('\n').filter((line) => /"level":[56]0/.test(line))
  return {
    non2xx,
    errors,
    timeouts,
    '2xx': good,
    oldSessions,
    servedBy,
    published,
    logged,
    exitCode,
  }
}

async function createTables(login: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(login)
  await client.connect()
  for (const table of ['orders', 'deliveries']) {
    await client.query(`CREATE TABLE ${table} (id serial PRIMARY KEY, product int NOT NULL)`)
  }
  await client.end()
}
