import {
  connectAdmins,
  disconnect,
  type Admin,
} from '../../../packages/drill/src/servers/redis-group/admins.ts'
import { killNode } from '../kill.ts'
import { pauseNode } from '../pause.ts'
import type { NodeAddress } from '../server.ts'

/** The operator's connections to every node that holds data. */
export class Fleet implements Disposable {
  readonly first: NodeAddress
  readonly isGroup: boolean
  readonly #admins: readonly Admin<NodeAddress>[]
  readonly #paused = new Set<Admin>()
  readonly #killed = new Set<Admin>()

  constructor(nodes: readonly [NodeAddress, ...NodeAddress[]], password: string) {
    this.first = nodes[0]
    this.isGroup = nodes.length > 1
    this.#admins = connectAdmins(nodes, password)
  }

  /** Those that answer. */
  get awake(): readonly Admin<NodeAddress>[] {
    return this.#admins.filter((admin) => !this.#paused.has(admin) && !this.#killed.has(admin))
  }

  at(port: number): Admin<NodeAddress> {
    const found = this.#admins.find(({ node }) => node.port === port)
    if (found === undefined) throw new Error(`No node listens on ${port}.`)
    return found
  }

  /** Asks every node that lives; one that is paused gets to hear it when it goes on, and nobody waits for that. */
  async all<Answer>(ask: (admin: Admin<NodeAddress>) => Promise<Answer>): Promise<Answer[]> {
    const answers: Promise<Answer>[] = []
    for (const admin of this.#admins) {
      if (this.#killed.has(admin)) continue
      const answer = ask(admin)
      if (this.#paused.has(admin)) answer.catch(() => {})
      else answers.push(answer)
    }
    return Promise.all(answers)
  }

  /** Freezes one. */
  async pause({ port }: NodeAddress): Promise<AsyncDisposable> {
    const admin = this.at(port)
    const pause = await pauseNode(admin.node)
    this.#paused.add(admin)
    return {
      [Symbol.asyncDispose]: async () => {
        await pause[Symbol.asyncDispose]()
        // What it was told in the meantime comes first.
        await admin.redis.ping()
        this.#paused.delete(admin)
      },
    }
  }

  /** Ends one, for good. */
  async kill({ port }: NodeAddress): Promise<void> {
    const admin = this.at(port)
    this.#killed.add(admin)
    admin.redis.disconnect()
    await killNode(admin.node)
  }

  [Symbol.dispose](): void {
    disconnect(this.#admins)
  }
}
