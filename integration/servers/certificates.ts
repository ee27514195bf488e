import { generate } from 'selfsigned'
import type { Certificates } from '../../packages/drill/src/servers/server.ts'

/** A throw-away authority, and what it has signed; both are as old as the test run. */
export async function makeCertificates(): Promise<Certificates> {
  const common = { keyType: 'ec', algorithm: 'sha256' } as const
  // A machine's clock may be a little ahead of its container's.
  const notBeforeDate = new Date(Date.now() - 60 * 60_000)
  const authority = await generate([{ name: 'commonName', value: 'rekey tests' }], {
    ...common,
    notBeforeDate,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...common,
    notBeforeDate,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
    ca: { key: authority.private, cert: authority.cert },
  })
  return { ca: authority.cert, certificate: server.cert, key: server.private }
}
