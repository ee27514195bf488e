import { getContainerRuntimeClient } from 'testcontainers'

/** Freezes a server: its sockets stay open, and nobody answers. What follows `using` lets it go on. */
export async function pauseContainer(id: string): Promise<AsyncDisposable> {
  const { dockerode } = (await getContainerRuntimeClient()).container
  const container = dockerode.getContainer(id)
  await container.pause()
  return {
    async [Symbol.asyncDispose]() {
      await container.unpause()
    },
  }
}
