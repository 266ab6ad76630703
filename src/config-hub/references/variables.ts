import { isWordAt, LONGEST, type OnWord } from './words.ts'

const BRACE = 123
const DOLLAR = 36
const DOT = 46
const HYPHEN = 45
const QUOTES = [34, 39]

/**
 * Calls back with the bounds of each variable of a template: `{{ name }}`, `{{{ name }}}`, `${name}`, and of
 * `{{ name.path }}` both `name` and the whole. In expressions (`{{#if name}}`, `{{ name | upper }}`) every name outside
 * of quotes counts: whether the first is a helper, only the engine knows, and a name that no variable has costs nothing.
 * Blocks between `{%` and `%}` are not read.
 */
export function scanVariables(text: string, onVariable: OnWord): void {
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at + 1)) {
    const isOpen = text.charCodeAt(at + 1) === BRACE || (at > 0 && text.charCodeAt(at - 1) === DOLLAR)
    if (!isOpen) continue
    const end = text.indexOf('}', at)
    if (end === -1) return
    scanExpression(text, at + 1, end, onVariable)
    at = end
  }
}

function scanExpression(text: string, start: number, end: number, onVariable: OnWord): void {
  let at = start
  while (at < end) {
    const code = text.charCodeAt(at)
    if (QUOTES.includes(code)) {
      const closing = text.indexOf(text.charAt(at), at + 1)
      at = closing === -1 || closing > end ? end : closing + 1
    } else if (isWordAt(text, at)) {
      // what follows a `.` that no name precedes (`items[0].name`) is a member of something, `../name` is not
      const isMember = text.charCodeAt(at - 1) === DOT
      at = scanPath(text, at, isMember ? () => {} : onVariable)
    } else at++
  }
}

/** Calls back for the path from `start` and for each part that it begins with; answers where it ends. */
function scanPath(text: string, start: number, onVariable: OnWord): number {
  let at = start
  for (;;) {
    while (at < text.length && isWordAt(text, at)) at++
    report(text, start, at, onVariable)
    if (text.charCodeAt(at) !== DOT || at + 1 >= text.length || !isWordAt(text, at + 1)) return at
    at++
  }
}

/** Hyphens at the ends are white space control (`{{- name -}}`). */
function report(text: string, from: number, to: number, onVariable: OnWord): void {
  let [start, end] = [from, to]
  while (start < end && text.charCodeAt(start) === HYPHEN) start++
  while (start < end && text.charCodeAt(end - 1) === HYPHEN) end--
  if (end > start && end - start <= LONGEST) onVariable(text, start, end)
}
