export default {
  testMatch: ['**/jest-example.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': './strip-types.mjs' },
}
