import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { LongFirst } from './integration/long-first.ts'
import { chooseWay } from './integration/servers/way.ts'

const integration = new URL('integration/', import.meta.url)
const requireFromIntegration = createRequire(integration)

// Every test file, and every drill that one starts, is a process of its own and would compile the same modules again.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(
  new URL('node_modules/.cache/compiled', import.meta.url),
)

function folderOf(dependency: string, from: URL | string = integration): string {
  return dirname(createRequire(from).resolve(`${dependency}/package.json`))
}

function versionOf(dependency: string): string {
  const { version } = requireFromIntegration(`${dependency}/package.json`) as { version: string }
  return version
}

function alias(name: string, folder: string): { find: RegExp; replacement: string } {
  return { find: new RegExp(`^${name}(?=$|/)`), replacement: folder }
}

const way = await chooseWay()

/** What needs servers that run as processes of this machine. */
const nativeOnly = way === 'container' ? ['integration/**/native-*.test.ts'] : []

const common = {
  // Files take turns in a process, and import drivers and vitest once: none leaves anything behind in it.
  isolate: false,
  setupFiles: [fileURLToPath(new URL('leaves-nothing.ts', integration))],
  // What only a broken test reaches, on a machine however busy.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
}

/**
 * The same files against one version of a driver, whoever imports it: test, adapter or drill. A library that builds on
 * another driver has everybody use its own copy of that.
 */
function against(
  driver: string,
  dependency: string,
  below?: string,
): TestProjectInlineConfiguration {
  const folder = folderOf(dependency)
  const own = below === undefined ? [] : [alias(below, folderOf(below, `${folder}/`))]
  return {
    resolve: { alias: [alias(driver, folder), ...own] },
    test: {
      name: `${driver} ${versionOf(dependency)}`,
      include: [`integration/${driver}{,-*}/**/*.test.ts`],
      exclude: nativeOnly,
      ...common,
      provide: { driverVersion: versionOf(dependency) },
    },
  }
}

/** Those tests of a file that run side by side wait most of the time; of more than these two cores would be full. */
const maxConcurrency = 3

declare module 'vitest' {
  interface ProvidedContext {
    driverVersion: string
  }
}

/** What is about containers alone, where the servers run in them. */
const containers: TestProjectInlineConfiguration = {
  test: {
    name: 'containers',
    include: ['integration/containers/**/*.test.ts'],
    maxConcurrency,
    ...common,
  },
}

export default defineConfig({
  test: {
    // Most files wait half of the time, for a server or one of a driver's timeouts. An engine of containers takes its share.
    maxWorkers: way === 'container' ? 2 : 3,
    sequence: { sequencer: LongFirst },
    // Of the root alone: it runs once for all projects.
    globalSetup: ['integration/servers/global-setup.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          ...common,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['integration/**/*.test.ts'],
          exclude: [
            'integration/{pg,mysql2,ioredis,ioredis-pool,bullmq,containers,orm}/**',
            '**/node_modules/**',
          ],
          maxConcurrency,
          ...common,
        },
      },
      {
        test: {
          name: 'orm',
          include: ['integration/orm/**/*.test.ts'],
          maxConcurrency,
          ...common,
        },
      },
      ...(way === 'container' ? [containers] : []),
      against('pg', 'pg'),
      against('pg', 'pg-floor'),
      against('mysql2', 'mysql2'),
      against('mysql2', 'mysql2-floor'),
      against('ioredis', 'ioredis'),
      against('ioredis', 'ioredis-floor'),
      against('bullmq', 'bullmq', 'ioredis'),
      against('bullmq', 'bullmq-5', 'ioredis'),
    ],
  },
})
