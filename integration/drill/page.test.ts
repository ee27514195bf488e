import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { drill, postgres, Recording, renderPage, type StartTarget } from '@rekey/drill'
import schema from '@rekey/drill/report.schema.json' with { type: 'json' }
import { Ajv2020 } from 'ajv/dist/2020.js'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startChromium } from '../browser/chromium.ts'
import { DrillCommand } from './command.ts'

const folder = mkdtempSync(join(tmpdir(), 'drill-page-'))
const files = {
  json: join(folder, 'a.json'),
  page: join(folder, 'a.html'),
  job: join(folder, 'a.md'),
}
let browser: Browser

/** What runs in the browser. */
const openAllTables = `for (const details of document.querySelectorAll('details')) details.open = true`
const coloursOfEachPlot = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return new Set(new Uint32Array(data.buffer)).size
})`

/** The page in a browser, and what should not happen in it. */
async function open(options: BrowserContextOptions): Promise<{ page: Page; odd: string[] }> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const address = pathToFileURL(files.page).href
  const odd: string[] = []
  page.on('console', (message) => odd.push(message.text()))
  page.on('pageerror', (error) => odd.push(error.message))
  page.on('request', (request) => {
    if (request.url() !== address) odd.push(request.url())
  })
  await page.goto(address)
  return { page, odd }
}

beforeAll(async () => {
  vi.stubEnv('GITHUB_STEP_SUMMARY', files.job)
  const few = ['--rotations', '1', '--rate', '100', '--max', '8']
  using command = new DrillCommand(...few, '--json', files.json, '--report', files.page)
  const [code] = await Promise.all([
    command.exit(),
    startChromium().then((started) => (browser = started)),
  ])
  expect(code, command.stdout + command.stderr).toBe(0)
}, 120_000)

afterAll(async () => {
  vi.unstubAllEnvs()
  await browser.close()
  rmSync(folder, { recursive: true })
})

test('what --json writes has the published schema', () => {
  const isValid = new Ajv2020({ allowUnionTypes: true }).compile(schema)
  const report: unknown = JSON.parse(readFileSync(files.json, 'utf8'))
  expect(isValid(report), JSON.stringify(isValid.errors)).toBe(true)
})

test('a job on GitHub has its summary', () => {
  expect(readFileSync(files.job, 'utf8')).toMatch(/^### ✅ Rotation drill on PostgreSQL \d/)
})

describe('the page', () => {
  test.each(['light', 'dark'] as const)(
    'draws all plots in its %s theme, asks nobody for anything, and axe finds nothing',
    async (colorScheme) => {
      const { page, odd } = await open({ colorScheme })
      const colours = await page.evaluate<number[]>(coloursOfEachPlot)
      expect(colours.length).toBe(8)
      for (const count of colours) expect(count).toBeGreaterThan(10)

      await page.evaluate(openAllTables)
      await page.evaluate(axe.source)
      const { violations, passes } = await page.evaluate<AxeResults>('axe.run()')
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
      expect(passes.map(({ id }) => id)).toContain('color-contrast')
      expect(odd).toEqual([])
    },
  )

  test('is read by keyboard', async () => {
    const { page, odd } = await open({})
    const tabTo = async (what: string): Promise<void> => {
      const focused = page.locator(`${what}:focus`)
      for (let tabs = 0; tabs < 30 && (await focused.count()) === 0; tabs += 1) {
        await page.keyboard.press('Tab')
      }
      expect(await focused.count(), what).toBe(1)
    }
    await tabTo('[data-plot=sessions] .panels')
    await page.keyboard.press('End')
    for (let steps = 0; steps < 40; steps += 1) await page.keyboard.press('ArrowLeft')
    const said = page.locator('[data-plot=sessions] output')
    expect(await said.textContent()).toMatch(
      /^\d+\.\d s\. rekey: \d+( \+ \d+)* sessions of 8\. stock: \d+( \+ \d+)* sessions of 8\.$/,
    )
    await tabTo('summary')
    await page.keyboard.press('Enter')
    const rows = page.locator('details[open] tbody tr')
    expect(await rows.locator('th').allTextContents()).toEqual(['before', '1'])
    expect(odd).toEqual([])
  })

  test('fits a narrow window', async () => {
    const { page, odd } = await open({ viewport: { width: 360, height: 640 } })
    await page.evaluate(openAllTables)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(odd).toEqual([])
  })

  test('is a table for each plot where no script runs', async () => {
    const { page } = await open({ javaScriptEnabled: false })
    expect(await page.locator('details table').count()).toBe(4)
    expect(await page.locator('h1').textContent()).toBe('1 rotation, not one request lost')
  })
})

test('a file that cannot be written after all keeps no other from being written', async () => {
  const gone = mkdtempSync(join(folder, 'gone-'))
  const [json, page] = [join(gone, 'b.json'), join(folder, 'b.html')]
  const few = ['--no-control', '--rotations', '1', '--rate', '50', '--max', '4']
  using command = new DrillCommand(...few, '--json', json, '--report', page)
  await command.writes('rekey: ')
  rmSync(gone, { recursive: true })
  expect(await command.exit()).toBe(1)
  expect(command.stderr).toMatch(/^drill: --json: .* could not be written\. ENOENT.*\n$/)
  expect(readFileSync(page, 'utf8')).toContain('</html>')
})

test('a password that a server says is in no report', async () => {
  const passwords: string[] = []
  const indiscreet: StartTarget = async (needs) => {
    const target = await postgres()(needs)
    return {
      ...target,
      async allow(login) {
        passwords.push(login.password)
        await target.allow(login)
      },
      openPool(kind, options) {
        const pool = target.openPool(kind, options)
        const units = {
          ...pool.units,
          transaction: () => Promise.reject(new Error(`It is not ${passwords.at(-1)}.`)),
        }
        return { ...pool, units }
      },
    }
  }
  const recording = new Recording()
  const report = await drill({
    ...{ target: indiscreet, rotations: 1, rate: 100, max: 6, control: false },
    onEvent: (event) => recording.add(event),
  })
  const page = await renderPage(report, recording, { command: 'drill', environment: [] })
  expect(page).toContain('It is not [redacted].')
  expect(passwords.length).toBe(2)
  for (const password of passwords) expect(page + JSON.stringify(report)).not.toContain(password)
  expect(report.runs[0]?.secretsLeaked).toBeGreaterThan(0)
})
