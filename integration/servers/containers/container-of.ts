import type { ContainerRuntimeClient } from 'testcontainers'

type Container = ReturnType<ContainerRuntimeClient['container']['dockerode']['getContainer']>

export async function containerOf(id: string): Promise<Container> {
  // Not loaded where there are no containers: it is large.
  const { getContainerRuntimeClient } = await import('testcontainers')
  return (await getContainerRuntimeClient()).container.dockerode.getContainer(id)
}
