import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

interface Container {
  readonly command: readonly string[]
  readonly args?: readonly string[]
  readonly env: readonly {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } }
  }[]
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly subPath?: string
  }[]
}

/** What a Deployment and a Job have in common. */
export interface Workload {
  readonly kind: string
  readonly spec: {
    readonly backoffLimit?: number
    readonly template: {
      readonly spec: {
        readonly restartPolicy?: string
        readonly containers: readonly [Container]
        readonly volumes: readonly {
          readonly name: string
          readonly secret?: { readonly secretName: string }
          readonly persistentVolumeClaim?: { readonly claimName: string }
        }[]
      }
    }
  }
}

export interface ExternalSecret {
  readonly kind: string
  readonly spec: {
    readonly target: { readonly name: string }
    readonly data: readonly { readonly secretKey: string }[]
  }
}

/** A manifest of this folder. */
export async function manifest<Manifest>(name: string): Promise<Manifest> {
  return parse(await readFile(new URL(name, import.meta.url), 'utf8')) as Manifest
}

/** The variables of a container that have their value in the manifest. */
export function variablesOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(
    env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  )
}
