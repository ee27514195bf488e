import { test } from 'vitest'
import { redisPools } from '../../packages/drill/src/targets/redis/pools.ts'
import { serverAddress } from '../servers/on-demand.ts'
import { startProxy } from '../servers/proxy.ts'
import { until } from '../until.ts'

test('a stock client that is ended while it comes back ends, and nothing is left that nobody has caught', async () => {
  const { user, password, ...server } = await serverAddress('redis')
  await using proxy = await startProxy(server)
  const { host, port } = proxy
  const pools = redisPools({ connection: { host, port }, prefix: 'stock:' }, false)
  const login = { user, password, version: '1' }
  const clients = pools.openStock(login, {
    ...{ max: 4, spread: 0, login, load: async () => login },
    onLogin() {},
    onError() {},
  })
  await clients.listening
  const { subscriber } = clients
  const ending = Promise.withResolvers<void>()
  subscriber.on('connect', () => {
    // With the answer to its last question the driver is ready, and subscribes again.
    subscriber.stream.prependListener('data', (answer) => {
      if (String(answer).includes('redis_version')) ending.resolve(clients.end())
    })
  })
  proxy.cut()
  await ending.promise
  await until('its end', () => subscriber.status === 'end')
})
