/** What stands for a URL, which may carry a password in more than one place. */
const urlVariable = '"$DATABASE_URL"'

/** The command line that does the same again, for a person to copy; without what may be secret. */
export function commandAgain(parameters: readonly string[]): string {
  const words = parameters.map((parameter) => {
    if (parameter.startsWith('--url=')) return `--url=${urlVariable}`
    if (parameter.includes('://')) return urlVariable
    return quoted(parameter)
  })
  return ['npx', 'rekey-drill', ...words].join(' ')
}

/** As a POSIX shell reads it. */
function quoted(word: string): string {
  return /^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
