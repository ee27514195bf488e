/** The drill itself could not be run: a server that does not start, an admin without rights, a rotation that fails. */
export class DrillError extends Error {
  override readonly name: string = 'DrillError'
}
