import { randomBytes } from 'node:crypto'
import { Refusal, type Answer, type Fields, type Question } from './question.ts'

interface Role {
  readonly name: string
  readonly id: string
  readonly secrets: Set<string>
  readonly policies: readonly string[]
  /** Seconds that a token lives. */
  readonly life: number
}

interface Token {
  readonly method: string
  readonly role: Role
  endsAt: number
}

/** What the policy allows that every token has, of what is asked for here. */
const usual = ['auth/token/renew-self', 'sys/leases/lookup', 'sys/leases/renew']

/** Who is let in, by AppRole (https://developer.hashicorp.com/vault/api-docs/auth/approle), and what they may ask for. */
export class Access {
  readonly #root: string
  /** The paths that each policy names. */
  readonly #policies = new Map([['default', usual]])
  readonly #roles = new Map<string, Role>()
  readonly #tokens = new Map<string, Token>()

  constructor(root: string) {
    this.#root = root
  }

  /** @throws if the token is none, has ended, or may not ask for this. */
  check(token: string, path: string): void {
    if (token === this.#root) return
    const { role, endsAt = 0 } = this.#tokens.get(token) ?? {}
    const policies = ['default', ...(role?.policies ?? [])]
    const paths = policies.flatMap((name) => this.#policies.get(name) ?? [])
    const isAllowed = paths.some((each) =>
      each.endsWith('*') ? path.startsWith(each.slice(0, -1)) : path === each,
    )
    if (!(endsAt > Date.now()) || !isAllowed) throw new Refusal(403, 'permission denied')
  }

  setPolicy(name: string, { policy }: Fields): void {
    const paths = String(policy).matchAll(/path "([^"]+)"/g)
    this.#policies.set(
      name,
      [...paths].map(([, path = '']) => path),
    )
  }

  /** `<method>/role/<name>`, and below it `role-id` and `secret-id`. */
  answer({ method, path, body }: Question): Answer {
    const [, at = '', what] = /^(.+\/role\/[^/]+)(?:\/(role-id|secret-id))?$/.exec(path) ?? []
    const role = this.#roles.get(at)
    if (what === 'role-id' && role) return { data: { role_id: role.id } }
    if (what === 'secret-id' && role) {
      const secret_id = randomBytes(12).toString('hex')
      role.secrets.add(secret_id)
      return { data: { secret_id, secret_id_num_uses: 0, secret_id_ttl: 0 } }
    }
    if (at === '' || method === 'GET' || what !== undefined) throw new Refusal(404)
    const { token_policies: policies, token_ttl: life } = body
    this.#roles.set(at, {
      name: at.slice(at.lastIndexOf('/') + 1),
      id: randomBytes(12).toString('hex'),
      secrets: new Set(),
      policies: policies as string[],
      life: Number(life),
    })
    return undefined
  }

  logIn(method: string, { role_id, secret_id }: Fields): Answer {
    const [, role] =
      [...this.#roles].find(([at, { id }]) => at.startsWith(`${method}/`) && id === role_id) ?? []
    if (!role?.secrets.has(String(secret_id))) throw new Refusal(400, 'invalid role or secret ID')
    const token = `hvs.${randomBytes(12).toString('hex')}`
    this.#tokens.set(token, { method, role, endsAt: Date.now() + role.life * 1_000 })
    return told(token, role)
  }

  renew(token: string): Answer {
    const held = this.#tokens.get(token)
    if (held === undefined) throw new Refusal(400, 'lease is not renewable')
    held.endsAt = Date.now() + held.role.life * 1_000
    return told(token, held.role)
  }

  /** Ends the tokens that logins by this method have brought, and answers which they were. */
  revoke(method: string): Set<string> {
    const ended = [...this.#tokens].filter(([, token]) => token.method === method)
    for (const [token] of ended) this.#tokens.delete(token)
    return new Set(ended.map(([token]) => token))
  }
}

function told(client_token: string, { name, policies, life }: Role): Answer {
  const all = { policies: ['default', ...policies], token_policies: ['default', ...policies] }
  const auth = { client_token, lease_duration: life, renewable: true, token_type: 'service' }
  return { auth: { ...auth, ...all, metadata: { role_name: name }, orphan: true } }
}
