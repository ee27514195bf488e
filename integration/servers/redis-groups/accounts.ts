import { Redis } from 'ioredis'
import { expect } from 'vitest'
import type { Account, DualPasswords, NodeAddress, Place } from '../server.ts'

/** Every node lets in whom it should, and nobody else, also after somebody has paused one and let it go on. */
export async function expectOneAccount(
  place: Place & DualPasswords,
  nodes: readonly NodeAddress[],
  pause: () => Promise<AsyncDisposable>,
): Promise<void> {
  const first = await place.createAccount()
  let second: Account
  {
    await using _pause = await pause()
    second = await place.retain(first)
  }
  for (const node of nodes) {
    expect(await whoami(node, first)).toBe(first.user)
    expect(await whoami(node, second)).toBe(first.user)
  }
  await place.discard(second)
  for (const node of nodes) {
    await expect(whoami(node, first)).rejects.toThrow('WRONGPASS')
    expect(await whoami(node, second)).toBe(first.user)
  }
  expect(await place.refusedLogins()).toHaveLength(nodes.length)
}

/** The user, by a node's own word. */
async function whoami({ host, port }: NodeAddress, account: Account): Promise<string> {
  const redis = new Redis({ host, port, protocol: 2, enableReadyCheck: false })
  redis.on('error', () => {})
  try {
    await redis.auth(account.user, account.password)
    return await redis.acl('WHOAMI')
  } finally {
    redis.disconnect()
  }
}
