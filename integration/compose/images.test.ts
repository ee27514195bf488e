import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { imageOf, officialImages, type ServerName } from '../servers/containers/images.ts'

const servers = Object.entries(officialImages) as [ServerName, string][]

test.each(servers)(
  'docker-compose.yml has %s in the version of the tests',
  async (server, image) => {
    const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
    expect(text).toContain(`image: \${REKEY_${server.toUpperCase()}_IMAGE:-${image}}`)
  },
)

test.each(servers)('%s runs from the image that the environment names', (server, image) => {
  const name = `REKEY_${server.toUpperCase()}_IMAGE`
  expect(imageOf(server, {})).toBe(image)
  expect(imageOf(server, { [name]: '' })).toBe(image)
  expect(imageOf(server, { [name]: 'mine:1' })).toBe('mine:1')
})

test('docker-compose.yml opens no port but on loopback', async () => {
  const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
  const ports = [...text.matchAll(/ports: (.*)/g)].map(([, port]) => port)
  expect(ports).toHaveLength(servers.length)
  for (const port of ports) expect(port).toMatch(/^\['127\.0\.0\.1:[^,]+'\]$/)
})
