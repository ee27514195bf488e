import type { StartedTestContainer } from 'testcontainers'
import type { Certificates, ServerRequest } from '../../../packages/drill/src/servers/server.ts'

export interface StartOptions extends ServerRequest {
  /** Marks every container that is started, so that whoever stops them finds them all. */
  readonly labels: Record<string, string>
}

/** One server process in its own container. */
export interface StartedNode {
  readonly container: StartedTestContainer
  readonly port: number
  /** Where it speaks TLS, if that is another port. */
  readonly tlsPort?: number
}

/** Starts one kind of server; the first node is the one to log in to. */
export type Start = (options: StartOptions) => Promise<readonly StartedNode[]>

const folder = '/tls'

/** Where a server finds its certificates in its container. */
export const tlsFiles = {
  ca: `${folder}/ca.pem`,
  certificate: `${folder}/server.pem`,
  key: `${folder}/server-key.pem`,
} as const

/** The certificates as files for a container. The server's own user, whoever that is, must be able to read them. */
export function tlsContents(certificates: Certificates | undefined): Content[] {
  if (certificates === undefined) return []
  const { ca, certificate, key } = certificates
  return [
    { content: ca, target: tlsFiles.ca },
    { content: certificate, target: tlsFiles.certificate },
    { content: key, target: tlsFiles.key },
  ]
}

interface Content {
  readonly content: string
  readonly target: string
}
