import type { Output } from '../cli/output.ts'
import { table } from '../cli/output.ts'

/** How the demo shows itself: numbered steps that say who does what. */
export type Screen = {
  heading(text: string): void
  step(who: string, what: string): void
  say(line: string): void
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void
}

export function createScreen(output: Output): Screen {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  let steps = 0
  return {
    heading: (text) => output.say(`\n${paint(1, text)}\n`),
    step(who, what) {
      steps += 1
      output.say(`\n${paint(36, `${String(steps).padStart(2)}. ${who}`)} ${what}`)
    },
    say: (line) => output.say(line === '' ? '' : `    ${line}`),
    table: (headings, rows) => output.say(table(headings, rows).replaceAll(/^/gm, '    ')),
  }
}
