/**
 * For adapters: puts members of ours in the place of a driver's object's own, as visible as those were. What stands on a
 * class's prototype is not seen on its objects.
 */
export function replaceMembers<Target extends object>(
  target: Target,
  members: Partial<Target>,
): void {
  for (const [name, value] of Object.entries(members)) {
    const enumerable = Object.prototype.propertyIsEnumerable.call(target, name)
    Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable })
  }
}
