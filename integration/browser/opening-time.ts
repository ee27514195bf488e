// Prints how long pages take to open in a headless Chromium, each of five times in a browser that has not seen it:
//   node integration/browser/opening-time.ts FILE.html …

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { table } from '../bench/table.ts'
import { startChromium } from './chromium.ts'

const times = 5

/** Milliseconds since the page was asked for. */
interface Opening {
  readonly firstPaint: number
  readonly load: number
  /** When the last of the plots has something in it. */
  readonly drawn: number
}

/** What runs in the browser, before the page: looks at its plots with each frame. */
const watchPlots = `{
  const isDrawn = (canvas) =>
    new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer).some(Boolean)
  const look = () => {
    const plots = [...document.querySelectorAll('canvas')]
    if (document.readyState === 'complete' && plots.every((canvas) => canvas.width > 0 && isDrawn(canvas)))
      globalThis.drawn = performance.now()
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}`
const readTimes = `({
  firstPaint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  load: performance.getEntriesByType('navigation')[0].loadEventEnd,
  drawn: globalThis.drawn,
})`
const isOver = `globalThis.drawn > 0 && performance.getEntriesByName('first-contentful-paint').length > 0`

async function open(browser: Browser, file: string): Promise<Opening> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.addInitScript(watchPlots)
  await page.goto(pathToFileURL(resolve(file)).href)
  await page.waitForFunction(isOver)
  const opening = await page.evaluate<Opening>(readTimes)
  await context.close()
  return opening
}

/** The median and the longest. */
function inWords(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  return `${sorted[Math.floor(sorted.length / 2)]!.toFixed(0)} (${sorted.at(-1)!.toFixed(0)})`
}

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('Usage: node integration/browser/opening-time.ts FILE.html …')
  process.exit(2)
}
const browser = await startChromium()
const rows: string[][] = []
for (const file of files) {
  const { size } = await stat(file)
  const openings: Opening[] = []
  for (let time = 0; time < times; time += 1) openings.push(await open(browser, file))
  rows.push([
    file,
    `${(size / 1000).toFixed(0)} kB`,
    ...(['firstPaint', 'load', 'drawn'] as const).map((name) =>
      inWords(openings.map((opening) => opening[name])),
    ),
  ])
}
await browser.close()
console.log(`Milliseconds: the median of ${times}, and the longest.\n`)
console.log(table(['', 'size', 'first paint', 'loaded', 'plots drawn'], rows))
