import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const root: string = new URL('../../', import.meta.url).pathname
export const pages: string[] = [
  'README.md',
  ...globSync('packages/*/{*,libraries/*}.md', { cwd: root }),
]

/** What a page prints, as a module of the folder where it finds what it imports. */
export interface Snippet {
  readonly code: string
  readonly folder: string
}

/** What a page says that changes. */
export interface Diff {
  /** Its lines without those that go. */
  readonly after: string
  /** The program that the snippet below it was before. */
  readonly before: Snippet
  readonly snippet: string
}

export function readPage(page: string): Promise<string> {
  return readFile(join(root, page), 'utf8')
}

export async function snippetsOf(page: string): Promise<Snippet[]> {
  const text = await readPage(page)
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => snippetOf(code))
}

export async function diffsOf(page: string): Promise<Diff[]> {
  const text = await readPage(page)
  const blocks = [...text.matchAll(/^```(ts|diff)\n(.*?)^```$/gms)]
  return blocks.flatMap(([, language, code = ''], index) => {
    if (language !== 'diff') return []
    const [, , snippet = ''] = blocks.slice(index).find(([, other]) => other === 'ts') ?? []
    const after = side(code, '-')
    return [{ after, snippet, before: beforeOf(code, snippet) }]
  })
}

/** A diff's lines without those that begin with this sign. */
function side(diff: string, without: '+' | '-'): string {
  const lines = diff.split('\n').filter((line) => !line.startsWith(without))
  return lines.map((line) => line.slice(1)).join('\n')
}

/** The diff's old lines, with the imports of the snippet that were there before, and a login that was known. */
function beforeOf(diff: string, snippet: string): Snippet {
  const added = diff.split('\n').map((line) => (line.startsWith('+') ? line.slice(1) : ''))
  const imports = snippet.match(/^import .*$/gm)?.filter((line) => !added.includes(line)) ?? []
  const login = 'declare const user: string, username: string, password: string'
  const code = [...imports, login, side(diff, '+')].join('\n')
  return { ...snippetOf(code), folder: snippetOf(snippet).folder }
}

function snippetOf(printed: string): Snippet {
  const rotatesKnex = printed.includes('knexRotation')
  const code = printed
    .replace("'./rekey-module.ts'", `'${root}integration/examples/nestjs/rekey-module.ts'`)
    .replace("'knex'", rotatesKnex ? "'knex-3.2'" : "'knex'")
  // MikroORM 7 takes no Knex, and on MySQL a dialect of Kysely.
  const isOf7 = printed.includes(
    printed.includes('mysql2') ? 'MysqlDialect' : '@rekey/pg/mikro-orm',
  )
  const isOf6 = printed.includes('@mikro-orm/') && !isOf7
  return { code, folder: join(root, 'integration', isOf6 ? 'orm/mikro-orm-6' : '') }
}
