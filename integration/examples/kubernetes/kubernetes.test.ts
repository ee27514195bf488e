// Not a cluster: the manifests as they are, and a volume that is written as the kubelet's atomic writer writes it.

import drillPackage from '@rekey/drill/package.json' with { type: 'json' }
import { expect, test } from 'vitest'
import { folder, SecretVolume } from '../../../packages/core/test/sources/folder.ts'
import { parseArguments } from '../../../packages/drill/src/arguments.ts'
import { rotateUnderLoad } from '../fastify/rotate-under-load.ts'
import { manifest, variablesOf, type ExternalSecret, type Workload } from './manifest.ts'

const shop = await manifest<Workload>('deployment.yaml')
const secret = await manifest<ExternalSecret>('secret.yaml')
const job = await manifest<Workload>('drill.yaml')

test('the secret is mounted whole, where the service reads it, and is in no variable', () => {
  const { containers, volumes } = shop.spec.template.spec
  const [container] = containers
  expect(container.volumeMounts).toHaveLength(1)
  const [mount] = container.volumeMounts
  expect(mount).not.toHaveProperty('subPath')
  expect(mount!.mountPath).toBe(variablesOf(container)['DATABASE_CREDENTIALS'])
  expect(volumes).toEqual([{ name: mount!.name, secret: { secretName: secret.spec.target.name } }])
  expect(container.env.filter(({ valueFrom }) => valueFrom !== undefined)).toEqual([])
  const url = new URL(variablesOf(container)['DATABASE_URL']!)
  expect(url.username + url.password).toBe('')
})

test('the same service, with the secret swapped as the kubelet does it: no error through three rotations, no old session', async () => {
  const [{ command }] = shop.spec.template.spec.containers
  const volume = new SecretVolume(await folder())
  const keys = secret.spec.data.map(({ secretKey }) => secretKey)
  const {
    servedBy,
    published,
    '2xx': good,
    ...outcome
  } = await rotateUnderLoad({
    main: new URL(command.at(-1)!, import.meta.url),
    env: { DATABASE_CREDENTIALS: volume.directory },
    async publish({ user, password }) {
      const values: Record<string, string> = { username: user, password }
      await volume.write(Object.fromEntries(keys.map((key) => [key, values[key]!])))
    },
  })
  expect(outcome).toEqual({
    ...{ non2xx: 0, errors: 0, timeouts: 0, oldSessions: 0 },
    ...{ logged: [], exitCode: 0 },
  })
  expect(servedBy).toEqual(published)
  expect(good).toBeGreaterThan(0)
})

test('the drill of staging is started as the drill understands it', () => {
  const { containers, restartPolicy, volumes } = job.spec.template.spec
  const [{ command, args = [], env, volumeMounts }] = containers
  expect(command).toEqual(Object.keys(drillPackage.bin).map((name) => `node_modules/.bin/${name}`))
  expect(env).toEqual([
    { name: 'DATABASE_URL', valueFrom: { secretKeyRef: expect.objectContaining({ key: 'url' }) } },
  ])
  const url = 'postgres://admin:secret@postgres.staging.svc:5432/shop'
  const drill = parseArguments(args.map((each) => each.replaceAll('$(DATABASE_URL)', url)))
  expect(drill).toMatchObject({ kind: 'drill', database: 'postgres', url, yes: true, iKnow: false })
  // Once, and what it writes outlasts its pod.
  expect([job.spec.backoffLimit, restartPolicy]).toEqual([0, 'Never'])
  const [mount] = volumeMounts
  expect(drill).toMatchObject({ report: expect.stringMatching(`^${mount!.mountPath}/`) })
  expect(volumes).toEqual([{ name: mount!.name, persistentVolumeClaim: expect.anything() }])
})
