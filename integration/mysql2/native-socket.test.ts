import { testWays } from './test-ways.ts'

// A container's socket is not on this side.
testWays({
  'a unix socket': ({ socket }) => {
    if (socket === undefined) throw new Error('The server has no unix socket.')
    return { socketPath: socket }
  },
})
