import { Refusal, type Answer, type Engine, type Fields, type Question } from './question.ts'

interface Version {
  readonly data: unknown
  readonly created: string
  deleted: string
}

/** Version 2 of the KV engine: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 */
export class KvEngine implements Engine {
  readonly #secrets = new Map<string, Version[]>()

  answer({ method, path, version, body }: Question): Answer {
    if (path === 'config') return { data: { cas_required: false, max_versions: 0 } }
    if (!path.startsWith('data/')) throw new Refusal(404, 'unsupported path')
    const versions = this.#secrets.get(path) ?? []
    if (method === 'GET') return read(versions, version)
    const now = new Date().toISOString()
    if (method === 'DELETE') {
      const latest = versions.at(-1)
      if (latest !== undefined) latest.deleted = now
      return undefined
    }
    const written = { data: body['data'], created: now, deleted: '' }
    this.#secrets.set(path, [...versions, written])
    return { data: metadataOf(written, versions.length + 1) }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function read(versions: readonly Version[], version: string | null): Answer {
  const number = Number(version ?? versions.length)
  const found = versions[number - 1]
  if (found === undefined) throw new Refusal(404)
  const metadata = metadataOf(found, number)
  // What was deleted is not found, and what is left of it is told.
  if (found.deleted !== '') throw new Refusal(404, undefined, { data: null, metadata })
  return { data: { data: found.data, metadata } }
}

function metadataOf({ created, deleted }: Version, version: number): Fields {
  const times = { created_time: created, deletion_time: deleted }
  return { ...times, version, destroyed: false, custom_metadata: null }
}
