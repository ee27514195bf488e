import type { Source } from '../source.ts'

/** A source that does what another does. Not a copy of its fields: what a class has, its instances have not themselves. */
export function likewise(source: Source): Source {
  const { name, defaults } = source
  return {
    name,
    ...(defaults && { defaults }),
    load: (context) => source.load(context),
    ...(source.watch && { watch: (onChange, context) => source.watch?.(onChange, context) }),
  }
}
