import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { expectEqual } from '../expect-equal.ts'
import type { Units } from '../target.ts'
import type { Clients, Inbox } from './pools.ts'

/** Milliseconds between two messages of a stream. */
const messageEvery = 20

/** Messages on a channel for each one in a list. */
export const burst = 5

/** Seconds that a read waits for a message before it is taken for lost. */
export const patience = 2

/** The units of work on clients that may be others at each call. */
export function redisUnits(clients: () => Clients, inbox: Inbox, prefix: string): Units {
  // A name of its own for each unit: what was executed twice, or not at all, is seen in the value.
  const newName = (): string => `${prefix}${randomUUID()}`

  return {
    async query() {
      const { commands } = clients()
      const name = newName()
      const [count, account] = await Promise.all([commands.incr(name), whoAmI(commands)])
      expectEqual(count, 1, 'a counter that was counted up once')
      return account
    },

    transaction: () => inTransaction(clients(), newName(), () => sleep(30)),

    hold(milliseconds, onHeld) {
      return inTransaction(clients(), newName(), async (client, name) => {
        onHeld()
        const until = performance.now() + milliseconds
        while (performance.now() < until) {
          expectEqual(await client.get(name), 'QUEUED', 'the answer within a transaction')
          await sleep(50)
        }
      })
    },

    async stream(milliseconds, onHeld) {
      const { exclusive, listening } = clients()
      await listening
      const name = newName()
      const messages = messagesIn(milliseconds)
      const heard: number[] = []
      inbox.set(name, (message) => heard.push(Number(message)))
      try {
        return await exclusive.use(async (client) => {
          await Promise.all([
            send(() => clients().commands, name, messages),
            receive(client, name, messages, onHeld),
          ])
          await untilHeard(heard, messages * burst)
          expectAll(heard, messages * burst)
          return whoAmI(client)
        })
      } finally {
        inbox.delete(name)
      }
    },
  }
}

/** As it has logged in, by the server's own word. */
function whoAmI(client: Redis): Promise<string> {
  return client.acl('WHOAMI')
}

/** Writes, works, and reads back within one transaction, which must be executed as a whole, and once. */
function inTransaction(
  { exclusive }: Clients,
  name: string,
  work: (client: Redis, name: string) => Promise<void>,
): Promise<string> {
  return exclusive.use(async (client) => {
    try {
      await client.watch(name)
      await client.multi({ pipeline: false })
      await client.incr(name)
      await work(client, name)
      await client.acl('WHOAMI')
      const results = await client.exec()
      expectEqual(results?.[0]?.[1], 1, 'a counter that a transaction counted up once')
      expectEqual(await client.getdel(name), '1', 'what a transaction has left')
      return String(results?.at(-1)?.[1])
    } catch (error) {
      // The next borrower is not to be in the middle of it.
      await client.discard().catch(() => {})
      throw error
    }
  })
}

/** How many messages a stream has. */
export function messagesIn(milliseconds: number): number {
  return Math.ceil(milliseconds / messageEvery)
}

/** Puts numbers into a list and, more of them, on a channel of the same name. */
export async function send(
  commands: () => Pick<Redis, 'rpush' | 'publish'>,
  name: string,
  messages: number,
): Promise<void> {
  for (let message = 1; message <= messages; message += 1) {
    const sent = [commands().rpush(name, message)]
    for (let part = burst - 1; part >= 0; part -= 1) {
      sent.push(commands().publish(name, String(message * burst - part)))
    }
    await Promise.all(sent)
    await sleep(messageEvery)
  }
}

/** Reads them from the list, each by a read that blocks until it is there. */
export async function receive(
  client: Pick<Redis, 'blpop'>,
  name: string,
  messages: number,
  onHeld: () => void,
): Promise<void> {
  for (let message = 1; message <= messages; message += 1) {
    const [, read] = (await client.blpop(name, patience)) ?? []
    if (message === 1) onHeld()
    expectEqual(read, String(message), 'the next message of a list')
  }
}

/** Waits for the messages of a channel. */
export async function untilHeard(heard: readonly number[], messages: number): Promise<void> {
  const deadline = performance.now() + patience * 1000
  while (heard.length < messages && performance.now() < deadline) await sleep(5)
}

/** @throws unless a channel was heard from its first message to its last, in order and each once. */
export function expectAll(heard: readonly number[], messages: number): void {
  const wrong = heard.findIndex((message, index) => message !== index + 1)
  if (wrong >= 0) expectEqual(heard[wrong], wrong + 1, 'the next message of a channel')
  expectEqual(heard.length, messages, 'the number of messages of a channel')
}
