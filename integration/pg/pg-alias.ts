// Has a child process import the version of pg that its test runs against: the module in the folder PG_FOLDER.

import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const folder = process.env['PG_FOLDER'] ?? ''
const main = createRequire(`${folder}/package.json`).resolve('./lib/index.js')

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === 'pg' ? pathToFileURL(main).href : specifier, context),
})
