import { expect, test } from 'vitest'
import { environment } from '../src/environment.ts'
import type { FailureGroup } from '../src/failures.ts'
import { renderPage } from '../src/page/page.ts'
import { Recording } from '../src/recording.ts'
import type { RunReport } from '../src/report.ts'
import { aProgress, aReport, aRun } from './a-report.ts'

const circumstances = { command: 'npx rekey-drill --max 20', environment: environment('postgres') }

function recordingOf(runs: readonly RunReport[], seconds: number): Recording {
  const recording = new Recording()
  for (const run of runs) {
    const { pool, rotations } = run
    recording.add({ type: 'began', pool, rotations, max: 20 })
    for (let tenth = 1; tenth <= seconds * 10; tenth += 1) {
      const counts = { started: tenth * 40, settled: tenth * 40, logins: tenth }
      recording.add(aProgress({ pool, atMs: tenth * 100, ...counts }))
    }
    for (let rotation = 1; rotation <= rotations; rotation += 1) {
      recording.add({
        type: 'rotating',
        pool,
        rotation,
        atMs: (rotation * seconds * 1_000) / (rotations + 1),
      })
    }
    recording.add({ type: 'ended', run })
  }
  return recording
}

function pageOf(...runs: RunReport[]): Promise<string> {
  return renderPage(aReport(...runs), recordingOf(runs, 5), circumstances)
}

function failure(code: string, atMs: number): FailureGroup {
  return { code, message: 'gone', count: 2, first: { unit: 'query', rotation: 1, atMs } }
}

const stock = aRun({ pool: 'stock', hung: 45 })

test('the verdict comes first, with what the control did', async () => {
  const page = await pageOf(aRun(), stock)
  expect(page).toContain('<h1>10 rotations, not one request lost</h1>')
  expect(page).toContain('✓ Passed</span>The stock pool failed the same drill: 45 hung.')
  const alone = await pageOf(aRun())
  expect(alone).toContain('Without a control nobody knows')
  const passed = await pageOf(aRun(), aRun({ pool: 'stock' }))
  expect(passed).toContain('✗ Failed</span>The stock pool passed the same drill')
})

test('the scenario is told, and why there zero is impossible', async () => {
  expect(await pageOf(aRun())).toContain('Scenario alternating-users: Two accounts take turns')
  const run = aRun({ failed: 3, unavoidable: 3 })
  const report = { ...aReport(run), scenario: 'failover' as const }
  const page = await renderPage(report, recordingOf([run], 1), circumstances)
  expect(page).toContain('Scenario failover: The server is killed')
  expect(page).toContain('Here zero is impossible: ')
  const own = { ...aReport(aRun({ pool: 'own' })), database: 'own' as const }
  expect(await renderPage(own, recordingOf(own.runs, 1), circumstances)).not.toContain('Scenario ')
})

test('what was lost stands in the heading, and the first failures in their order', async () => {
  const page = await pageOf(
    aRun({ failed: 3, errors: [failure('late', 9_000), failure('early', 400)] }),
  )
  expect(page).toContain('<h1>10 rotations, 3 requests lost</h1>')
  expect(page.indexOf('>early<')).toBeLessThan(page.indexOf('>late<'))
})

test('what a server or a driver says is text, wherever it stands', async () => {
  const evil = `</script><script>alert('x')</script><img src="//x" onerror='y'>`
  const first = { unit: evil, rotation: 1, atMs: 1 }
  const errors = [{ code: evil, message: evil, count: 1, first }]
  const runs = [aRun({ failed: 1, errors })]
  const report = { ...aReport(...runs), server: evil }
  const page = await renderPage(report, recordingOf(runs, 1), {
    command: evil,
    environment: [[evil, evil]],
  })
  expect(page).not.toContain('<script>alert')
  expect(page).not.toContain('<img')
})

test('the longest drill there can be has a page of less than two megabytes', async () => {
  const errors = Array.from({ length: 50 }, (_, kind) => {
    const first = { unit: 'query', rotation: 1, atMs: kind }
    return { code: 'ER_LONG', message: `${kind} ${'long '.repeat(100)}`, count: 1, first }
  })
  const runs = (['rekey', 'stock'] as const).map((pool) => aRun({ pool, rotations: 1_000, errors }))
  const page = await renderPage(aReport(...runs), recordingOf(runs, 2_500), circumstances)
  expect(Buffer.byteLength(page)).toBeLessThan(2_000_000)
})
