import { basename, dirname } from 'node:path'
import { text } from '../../options.ts'
import { watchDirectories } from '../file-watch.ts'
import type { Channel } from '../notified-by.ts'

/**
 * Wakes when a file is written or replaced, for example by the agent of a store. What it holds does not matter.
 *
 * @throws {RekeyError} `ERR_REKEY_OPTION` for a path that is missing.
 */
export function fileChannel(path: string): Channel {
  text('path', path, 'the path of a file')
  return (wake, context) => watchDirectories([dirname(path)], [basename(path)], wake, context)
}
