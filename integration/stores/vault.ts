import { randomBytes } from 'node:crypto'
import type { VaultOptions } from '@rekey/core/vault'
import { onTestFinished } from 'vitest'
import { until } from '../until.ts'
import { VaultServer } from './vault-server.ts'

type Fields = Record<string, unknown>

/** A Vault or an OpenBao whose operator is the test. */
export class Vault {
  readonly address: string
  readonly rootToken: string
  /** A role that may read what `secret` holds. */
  readonly #role = `app-${randomBytes(4).toString('hex')}`

  constructor(address: string, rootToken: string) {
    this.address = address
    this.rootToken = rootToken
  }

  async write(path: string, fields: Fields): Promise<void> {
    await this.#ask('POST', `secret/data/${path}`, { data: fields })
  }

  async deleteLatest(path: string): Promise<void> {
    await this.#ask('DELETE', `secret/data/${path}`)
  }

  /** Ends every token that a login has brought. */
  async revokeLogins(): Promise<void> {
    await this.#ask('PUT', 'sys/leases/revoke-prefix/auth/approle/login', { sync: true })
  }

  async makeLogin(): Promise<NonNullable<VaultOptions['login']>> {
    const policy = 'path "secret/data/*" { capabilities = ["read"] }'
    await this.#ask('PUT', `sys/policies/acl/${this.#role}`, { policy })
    // It is there already where another test has come first.
    const methods = await this.#ask('GET', 'sys/auth')
    if (!('approle/' in methods)) await this.#ask('POST', 'sys/auth/approle', { type: 'approle' })
    const role = `auth/approle/role/${this.#role}`
    await this.#ask('POST', role, { token_policies: [this.#role], token_ttl: '1h' })
    const { role_id } = await this.#ask('GET', `${role}/role-id`)
    const { secret_id } = await this.#ask('POST', `${role}/secret-id`, {})
    return { path: 'auth/approle/login', body: () => ({ role_id, secret_id }) }
  }

  async #ask(method: string, path: string, body?: object): Promise<Fields> {
    const headers = { 'x-vault-token': this.rootToken }
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
    const response = await fetch(
      `${this.address}/v1/${path.split('/').map(encodeURIComponent).join('/')}`,
      init,
    )
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    const { data = {} } = (text === '' ? {} : JSON.parse(text)) as { data?: Fields }
    return data
  }
}

/**
 * The Vault or OpenBao that `REKEY_VAULT_ADDRESS` and `REKEY_VAULT_TOKEN` name, which runs in its development mode; where they
 * name none, a server that speaks its protocol.
 */
export async function openVault(): Promise<Vault> {
  const { REKEY_VAULT_ADDRESS: address, REKEY_VAULT_TOKEN: token = '' } = process.env
  if (address === undefined) {
    const server = await VaultServer.start()
    onTestFinished(() => server[Symbol.asyncDispose]())
    return new Vault(server.address, server.rootToken)
  }
  const isUp = (): Promise<boolean> =>
    fetch(`${address}/v1/sys/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until('the Vault to be up', isUp)
  return new Vault(address, token)
}
