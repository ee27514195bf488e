import { text } from 'node:stream/consumers'
import type { ContainerRuntimeClient } from 'testcontainers'

export type Container = ReturnType<ContainerRuntimeClient['container']['dockerode']['getContainer']>

export async function containerOf(id: string): Promise<Container> {
  // Not loaded where there are no containers: it is large.
  const { getContainerRuntimeClient } = await import('testcontainers')
  return (await getContainerRuntimeClient()).container.dockerode.getContainer(id)
}

/** Runs a command in a container as its root, to its end. */
export async function execute(container: Container, command: string[]): Promise<void> {
  const exec = await container.exec({
    Cmd: command,
    User: 'root',
    AttachStdout: true,
    AttachStderr: true,
  })
  const output = await text(await exec.start({}))
  const { ExitCode } = await exec.inspect()
  if (ExitCode !== 0)
    throw new Error(`"${command.join(' ')}" ended with ${ExitCode} in a container: ${output}`)
}
