/** How the servers of the tests run: in containers, or as processes of this machine. */
export type Way = 'container' | 'native'

/**
 * The way that `REKEY_SERVERS` names; without it containers where a Docker engine answers, else native. The choice is
 * made once and written there, so that every process of the run goes the same way.
 *
 * @throws if `REKEY_SERVERS` is neither.
 */
export async function chooseWay(): Promise<Way> {
  const { REKEY_SERVERS: named } = process.env
  if (named === 'container' || named === 'native') return named
  if (named) throw new Error(`REKEY_SERVERS is "${named}"; it must be "container" or "native".`)
  const way = (await engineAnswers()) ? 'container' : 'native'
  process.env['REKEY_SERVERS'] = way
  return way
}

async function engineAnswers(): Promise<boolean> {
  // Not loaded where the way is known: it is large.
  const { getContainerRuntimeClient } = await import('testcontainers')
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  )
}
