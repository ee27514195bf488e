// Has a child process import the version of a driver that its test runs against: that in the folder DRIVER_FOLDER.

import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

const { DRIVER: driver = '', DRIVER_FOLDER: folder = '' } = process.env
const inside = pathToFileURL(`${folder}/package.json`).href

registerHooks({
  resolve(specifier, context, next) {
    const isDriver = specifier === driver || specifier.startsWith(`${driver}/`)
    // A package knows itself by its own name.
    return next(specifier, isDriver ? { ...context, parentURL: inside } : context)
  },
})
