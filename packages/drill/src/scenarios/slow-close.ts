import { saturated } from './saturated.ts'
import type { Scenario } from './scenario.ts'

export const slowClose: Scenario = {
  name: 'slow-close',
  sentence:
    'The server takes long to close what the pool lets go, which counts under the ceiling until then, while callers wait.',
  goodbyes: 'slow',
  rotate: saturated.rotate,
}
