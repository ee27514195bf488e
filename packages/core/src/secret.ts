import { inspect } from 'node:util'

const redacted = '[redacted]'

/**
 * A password that cannot be printed by accident: strings, template literals, JSON, `util.inspect`,
 * `console.log` and structured clones of it show `[redacted]` or nothing. {@link reveal} is the one way in.
 *
 * @example
 * const secret = new Secret('hunter2')
 * `${secret}`      // '[redacted]'
 * secret.reveal()  // 'hunter2'
 */
export class Secret {
  // A private field is invisible to spread, Object.keys, JSON and structuredClone.
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The password itself. Hand it to the driver and to nothing else. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  static {
    // Not a member: isolated declarations cannot name this symbol.
    Object.defineProperty(Secret.prototype, inspect.custom, { value: () => redacted })
  }
}
