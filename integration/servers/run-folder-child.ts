// Opens the folder of a run, says which, and stays until it is killed.

import { tmpdir } from 'node:os'
import { openRunFolder } from './run-folder.ts'

await openRunFolder()
console.log(tmpdir())
setInterval(() => {}, 1_000)
