// Draws the plots of a report, in the reader's browser. What they show is in the page as tables, too.

/** @typedef {import('../src/page/plot-data.ts').PlotData} PlotData */
/** @typedef {import('../src/page/plot-data.ts').PlotName} PlotName */
/** @typedef {import('chart.js').ChartConfiguration<'line', ({ x: number, y: number | null })[]>} Config */
/** @typedef {Config['data']['datasets'][number]} Dataset */

/** The library, which the page has inlined before this. @type {typeof import('chart.js').Chart} */
const Chart = Reflect.get(globalThis, 'Chart')

/** @type {PlotData[]} */
const runs = JSON.parse(document.getElementById('data')?.textContent ?? '[]')
const seconds = Math.max(1, ...runs.flatMap(({ at }) => at.at(-1) ?? 0))

/** The time that the reader points at, in seconds. @type {number | undefined} */
let pointed

/** @type {import('chart.js').Chart[]} */
let charts = []

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** @param {number | null | undefined} milliseconds */
function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return 'none'
  if (milliseconds >= 1000) return `${Number((milliseconds / 1000).toPrecision(3))} s`
  return `${Number(milliseconds.toPrecision(3))} ms`
}

/** @param {PlotData} run @param {readonly (number | null)[]} values */
function points({ at }, values) {
  return at.map((x, index) => ({ x, y: values[index] ?? null }))
}

/** @param {PlotData} run @param {string} label @param {readonly (number | null)[]} values @param {string} name @returns {Dataset} */
function line(run, label, values, name) {
  const data = points(run, values)
  // A value between two gaps is no line, and would not be seen.
  const alone = data.map(
    ({ y }, index) => y !== null && data[index - 1]?.y == null && data[index + 1]?.y == null,
  )
  return {
    ...{ label, data, borderColor: colour(name), backgroundColor: colour(name) },
    pointRadius: ({ dataIndex }) => (alone[dataIndex] ? 1.5 : 0),
    ...{ borderWidth: 1.75, borderJoinStyle: 'round', pointHitRadius: 0, pointHoverRadius: 0 },
  }
}

/**
 * A value that holds for the whole stretch that ends there.
 * @param {Dataset} dataset @param {Dataset['fill']} fill @returns {Dataset}
 */
function area(dataset, fill = 'origin') {
  return { ...dataset, fill, stepped: 'after', borderWidth: 0, pointRadius: 0 }
}

/** @type {Record<PlotName, (run: PlotData) => Dataset[]>} */
const datasets = {
  latency: (run) => [
    line(run, 'p50', run.p50, 'p50'),
    line(run, 'p99', run.p99, 'p99'),
    // Where it is the same as p99, it shows beside it.
    { ...line(run, 'max', run.max, 'max'), borderWidth: 4 },
  ],
  sessions: (run) => [
    {
      ...line(run, 'ceiling', [], 'ceiling'),
      ...{ data: [0, seconds].map((x) => ({ x, y: run.ceiling })), stack: 'ceiling' },
      ...{ borderDash: [6, 4], borderWidth: 1.5 },
    },
    ...run.sessions.map((counts, index) => ({
      ...area(line(run, '', counts, `generation-${index}`), index === 0 ? 'origin' : '-1'),
      stack: 'sessions',
    })),
  ],
  logins: (run) => [
    {
      ...line(
        run,
        'store requests',
        run.storeRequests.map((count) => count || null),
        'store',
      ),
      ...{ showLine: false, pointStyle: 'triangle', pointRadius: 5 },
    },
    area(line(run, 'logins', run.logins, 'logins')),
  ],
  failures: (run) => [
    line(run, 'open', run.open, 'open'),
    area(line(run, 'failed', run.failed, 'failed')),
  ],
}

/** @type {Record<PlotName, (run: PlotData) => string>} */
const axes = {
  latency: () => 'latency, logarithmic',
  sessions: () => 'sessions at the server',
  logins: ({ step }) => `in each ${step} s`,
  failures: () => 'requests',
}

/** The rotations, the crowds and what the reader points at. @param {PlotData} run @returns {import('chart.js').Plugin} */
function marks(run) {
  return {
    id: 'marks',
    beforeDatasetsDraw({ ctx, chartArea: { top, bottom, left, right }, scales: { x } }) {
      if (x === undefined) return
      ctx.save()
      /** @param {number} from @param {number} to @param {string} name */
      const band = (from, to, name) => {
        const [begin, end] = [x.getPixelForValue(from), x.getPixelForValue(to)]
        ctx.fillStyle = colour(name)
        ctx.fillRect(begin, top, Math.max(1.5, end - begin), bottom - top)
      }
      for (const [from, to] of run.crowds) band(from, to, 'crowd')
      let free = left
      ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`
      ctx.textBaseline = 'bottom'
      for (const { rotation, from, to } of run.rotations) {
        band(from, to ?? seconds, 'band')
        ctx.fillStyle = colour('mark')
        const begin = x.getPixelForValue(from)
        ctx.fillRect(begin, top, 1, bottom - top)
        const { width } = ctx.measureText(String(rotation))
        if (begin < free || begin + width > right) continue
        ctx.fillStyle = colour('muted')
        ctx.fillText(String(rotation), begin, top - 2)
        free = begin + width + 6
      }
      const end = x.getPixelForValue(run.stopped ?? seconds)
      const { width } = ctx.measureText('load ends')
      const begin = end + width <= right ? end : end - width
      ctx.fillStyle = colour('muted')
      if (begin >= free) ctx.fillText('load ends', begin, top - 2)
      ctx.fillRect(end, top, 1, bottom - top)
      ctx.restore()
    },
    afterDatasetsDraw({ ctx, chartArea: { top, bottom }, scales: { x } }) {
      if (pointed === undefined || x === undefined) return
      ctx.fillStyle = colour('ink')
      ctx.fillRect(x.getPixelForValue(pointed) - 0.5, top, 1, bottom - top)
    },
  }
}

/** The greatest value on any of the panels that stand side by side. @param {Dataset[][]} panels @param {boolean} stacked */
function greatest(panels, stacked) {
  let most = 0
  for (const panel of panels) {
    const length = Math.max(...panel.map(({ data }) => data.length))
    for (let index = 0; index < length; index += 1) {
      const values = panel.map(({ data }) => data[index]?.y ?? 0)
      const value = stacked ? values.reduce((sum, each) => sum + each, 0) : Math.max(...values)
      most = Math.max(most, value)
    }
  }
  return most
}

/** @param {PlotName} name @param {PlotData} run @param {Dataset[][]} panels @returns {NonNullable<NonNullable<Config['options']>['scales']>} */
function scales(name, run, panels) {
  const grid = { color: colour('line'), drawTicks: false }
  const border = { display: false }
  const ticks = { color: colour('muted'), padding: 8, maxRotation: 0 }
  const title = { display: true, color: colour('muted') }
  const logarithmic = name === 'latency'
  const most = greatest(panels, false)
  const ceiling = Math.max(...runs.map((each) => each.ceiling))
  const sessions = greatest(
    panels.map((panel) => panel.slice(1)),
    true,
  )
  const linear = {
    min: 0,
    suggestedMax:
      name === 'sessions' ? Math.max(ceiling, sessions) * 1.1 : Math.max(4, most * 1.05),
    ticks: { ...ticks, precision: 0, maxTicksLimit: 6 },
  }
  const logs = {
    min: 0.1,
    max: 10 ** Math.ceil(Math.log10(Math.max(10, most))),
    ticks: {
      ...ticks,
      autoSkip: false,
      /** @param {string | number} value */
      callback: (value) =>
        Number.isInteger(Math.log10(Number(value))) ? duration(Number(value)) : null,
    },
    afterBuildTicks: (/** @type {import('chart.js').Scale} */ axis) => {
      axis.ticks = axis.ticks.filter(({ value }) => Number.isInteger(Math.log10(value)))
    },
  }
  return {
    x: {
      ...{ type: 'linear', min: 0, max: seconds, border, grid: { display: false } },
      ticks: { ...ticks, maxTicksLimit: 8, precision: 0, includeBounds: false },
      title: { ...title, text: 'seconds since the load began' },
    },
    y: {
      // The same for all, so that a time is at the same place in each.
      afterFit: (axis) => void (axis.width = 84),
      ...{ type: logarithmic ? 'logarithmic' : 'linear', stacked: name === 'sessions' },
      ...{ border, grid, title: { ...title, text: axes[name](run) } },
      ...(logarithmic ? logs : linear),
    },
  }
}

function draw() {
  for (const chart of charts) chart.destroy()
  charts = []
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily
  for (const figure of document.querySelectorAll('figure')) {
    const name = nameOf(figure)
    const canvases = [...figure.querySelectorAll('canvas')]
    const shown = canvases.map((canvas) => runs[Number(canvas.dataset['run'])])
    const panels = shown.map((run) => (run === undefined ? [] : datasets[name](run)))
    for (const [index, canvas] of canvases.entries()) {
      const run = shown[index]
      if (run === undefined) continue
      charts.push(
        new Chart(canvas, {
          type: 'line',
          data: { datasets: panels[index] ?? [] },
          options: {
            ...{ animation: false, responsive: true, maintainAspectRatio: false, normalized: true },
            ...{ parsing: false, events: [], layout: { padding: { top: 16, right: 4 } } },
            plugins: { legend: { display: false }, tooltip: { enabled: false } },
            scales: scales(name, run, panels),
          },
          plugins: [marks(run)],
        }),
      )
    }
  }
}

/** @param {HTMLElement} figure */
function nameOf(figure) {
  return /** @type {PlotName} */ (figure.dataset['plot'])
}

/** The stretch that a time is in. @param {PlotData} run @param {number} time */
function stretchAt(run, time) {
  const index = run.at.findIndex((end) => end >= time)
  return index === -1 ? run.at.length - 1 : index
}

/** @type {Record<PlotName, (run: PlotData, index: number) => string>} */
const words = {
  latency: ({ p50, p99, max }, index) =>
    p99[index] == null
      ? 'no query answered'
      : `p50 ${duration(p50[index])}, p99 ${duration(p99[index])}, max ${duration(max[index])}`,
  sessions: ({ sessions, ceiling }, index) => {
    const counts = sessions.map((each) => each[index]).filter((count) => count !== 0)
    return `${counts.join(' + ') || 0} sessions of ${ceiling}`
  },
  logins: ({ logins, storeRequests }, index) =>
    `logins ${logins[index]}, store requests ${storeRequests[index]}`,
  failures: ({ open, failed }, index) => `open ${open[index]}, failed ${failed[index]}`,
}

/** @param {HTMLElement} figure */
function read(figure) {
  const output = figure.querySelector('output')
  if (output === null || pointed === undefined) return
  const time = pointed
  const parts = [...figure.querySelectorAll('canvas')].flatMap((canvas) => {
    const run = runs[Number(canvas.dataset['run'])]
    if (run === undefined) return []
    return `${run.pool}: ${words[nameOf(figure)](run, stretchAt(run, time))}`
  })
  output.textContent = `${time.toFixed(1)} s. ${parts.join('. ')}.`
}

/** @param {HTMLElement} figure @param {number} time */
function point(figure, time) {
  pointed = Math.min(seconds, Math.max(0, time))
  for (const chart of charts) chart.draw()
  read(figure)
}

/** The keys that move along a plot, in steps of a hundredth of it. @type {Record<string, number>} */
const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -100, End: 100 }

for (const figure of document.querySelectorAll('figure')) {
  figure.addEventListener('keydown', (event) => {
    const step = steps[event.key]
    if (step === undefined || !(event.target instanceof HTMLElement)) return
    if (!event.target.matches('.panels')) return
    event.preventDefault()
    point(figure, (pointed ?? 0) + (step * seconds) / 100)
  })
  for (const canvas of figure.querySelectorAll('canvas')) {
    canvas.addEventListener('pointermove', ({ offsetX }) => {
      const chart = Chart.getChart(canvas)
      const time = chart?.scales['x']?.getValueForPixel(offsetX)
      if (time !== undefined) point(figure, time)
    })
  }
}

draw()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
