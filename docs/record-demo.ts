import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Runs the demo and draws what it printed as docs/demo.svg: `node docs/record-demo.ts`. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The README is shown about 850 pixels wide: with more columns the text would be smaller than 11 pixels. */
const COLUMNS = 118
const CELL = { width: 7.4, height: 17, font: 12.3 }
const MARGIN = 16

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const cut = (line: string): string =>
  [...line].length > COLUMNS ? `${[...line].slice(0, COLUMNS - 1).join('')}…` : line

/** A line in its colours: as on a terminal, headings are bold, and who does a step is cyan. */
function drawn(line: string): string {
  const step = /^( ?\d+\. )(\w+( \(\w+\))?)( .*)$/.exec(line)
  if (step) return `<tspan class="step">${escaped(`${step[1]}${step[2]}`)}</tspan>${escaped(step[4] ?? '')}`
  return line.startsWith(' ') || line === '' ? escaped(line) : `<tspan class="title">${escaped(line)}</tspan>`
}

/** The lines as one picture with a ground of its own, so that it reads alike on a light and on a dark page. */
function picture(lines: readonly string[]): string {
  const width = Math.ceil(COLUMNS * CELL.width + 2 * MARGIN)
  const height = lines.length * CELL.height + 2 * MARGIN
  const text = lines.map((line, index) => {
    if (line.trim() === '') return ''
    const y = MARGIN + (index + 0.75) * CELL.height
    // the length is told, so that columns stand under each other whatever font there is
    const length = ([...line].length * CELL.width).toFixed(1)
    return `<text x="${MARGIN}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs">${drawn(line)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xml:space="preserve" role="img" aria-label="What npm run demo prints">
<style>
rect{fill:#14171c;stroke:#3a404a}
text{font:${CELL.font}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6dae1;white-space:pre}
.title{font-weight:700;fill:#fff}
.step{fill:#6fd3e0}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${text.filter((line) => line !== '').join('\n')}
</svg>
`
}

const output = execFileSync(process.execPath, ['src/main.ts', 'demo', '--once'], { cwd: ROOT }).toString()
const lines = output
  .trim()
  .replaceAll(/\n{3,}/g, '\n\n')
  .split('\n')
  .map(cut)
writeFileSync(new URL('demo.svg', import.meta.url), picture(lines))
