import { styleText } from 'node:util'
import type { Palette } from '../table.ts'

/** With a colour for each generation, which take them in turn. */
export interface ViewPalette extends Palette {
  readonly generations: readonly ((text: string) => string)[]
}

type Format = Parameters<typeof styleText>[0]

/** Colours for a terminal that has them, unless `color` is false or the environment asks for none. */
export function paletteFor(stream: NodeJS.WritableStream, color: boolean): ViewPalette {
  const style = (format: Format) => (text: string) => {
    return color ? styleText(format, text, { stream }) : text
  }
  return {
    good: style('green'),
    bad: style('red'),
    quiet: style('dim'),
    generations: [style('blue'), style('yellow'), style('cyan'), style('magenta')],
  }
}
