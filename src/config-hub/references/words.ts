/**
 * Words of a text that could be names of configurations, found in one pass over its characters.
 *
 * A word is a run of letters, marks, digits (of any script), `_` and `-`; whatever else is a boundary, so that an id is
 * found in quotes, tags, URLs and templates, and `abc-1` is not found in `xabc-12`. It has the form of a name when it has
 * at least four characters and a digit, `_`, `-` or a capital after a small letter: `price-basic`, `orderTotal`, an UUID.
 * Plain words and short numbers are left to declared references and variables, because in prose they name nothing.
 *
 * Words first and then a look-up of each, rather than a search for every name: the work does not grow with the names of
 * the organisation, nothing is built of them, and they need not even be known. Measured by bench/extraction.ts against
 * 200,000 names: 100 MB/s of text; an Aho-Corasick automaton 28 (and 3.8 s to build it), one indexOf for each name 0.02,
 * one regular expression for each 0.003.
 */

/** Bits of a class. LOWER is left of UPPER by one, so that a capital after a small letter is `before << 1 & here`. */
const LOWER = 1
const UPPER = 2
/** Digits and joiners, which give a word the form of a name. */
const FORM = 4
const WORD = 8
const BLANK = 16
/** Not looked at before, or half of a pair. */
const UNKNOWN = 255

/** By code unit. What is not ASCII is classified when first met, so that loading costs nothing. */
const CLASSES = new Uint8Array(65_536).fill(UNKNOWN, 128)
for (let code = 0; code < 128; code++) CLASSES[code] = classify(String.fromCharCode(code))

function classify(character: string): number {
  if (/[\p{N}_-]/u.test(character)) return WORD | FORM
  if (/\p{Lu}/u.test(character)) return WORD | UPPER
  if (/\p{Ll}/u.test(character)) return WORD | LOWER
  if (/[\p{L}\p{M}]/u.test(character)) return WORD
  return /[\s\p{Cc}]/u.test(character) ? BLANK : 0
}

const classAt = (text: string, at: number): number => {
  const known = CLASSES[text.charCodeAt(at)] as number
  return known === UNKNOWN ? newClassAt(text, at) : known
}

/** Both halves of a pair are of its class. */
function newClassAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code < 0xd800 || code > 0xdfff) {
    const found = classify(String.fromCharCode(code))
    CLASSES[code] = found
    return found
  }
  const isSecond = code >= 0xdc00 && at > 0 && (text.codePointAt(at - 1) as number) > 0xffff
  return classify(String.fromCodePoint(text.codePointAt(isSecond ? at - 1 : at) as number))
}

export const isWordAt = (text: string, at: number): boolean => (classAt(text, at) & WORD) !== 0

const SHORTEST = 4
export const LONGEST = 128
const DOT = 46
const COLON = 58

/** Called with the bounds of each word; the text is cut only by who needs it. */
export type OnWord = (text: string, start: number, end: number) => void

/**
 * Calls back for each word of the form of a name, and for runs of words joined by single `.` or `:`. Where a word begins
 * with the rest of an escape (`%2Fprice-basic`, `\nprice-basic`) also for it without; the same bounds may come twice.
 */
export function scanWords(text: string, onWord: OnWord): void {
  const { length } = text
  let at = 0
  while (at < length) {
    if ((classAt(text, at) & WORD) === 0) {
      at++
      continue
    }
    const rest = at > 0 ? escapeRest(text, at) : 0
    if (rest > 0 && at + rest < length && isWordAt(text, at + rest)) scanChain(text, at + rest, onWord)
    at = scanChain(text, at, onWord)
  }
}

/** From the start of a word to the end of the run it begins; answers where that is. */
function scanChain(text: string, start: number, onWord: OnWord): number {
  const { length } = text
  let from = start
  for (;;) {
    let at = from
    let form = 0
    let before = 0
    while (at < length) {
      const here = classAt(text, at)
      if ((here & WORD) === 0) break
      form |= (here & FORM) | ((before << 1) & here & UPPER)
      before = here
      at++
    }
    if (form !== 0 && isSize(at - from)) onWord(text, from, at)
    const joint = at + 1 < length ? text.charCodeAt(at) : 0
    if ((joint !== DOT && joint !== COLON) || !isWordAt(text, at + 1)) {
      if (from > start && isSize(at - start)) onWord(text, start, at)
      return at
    }
    from = at + 1
  }
}

const isSize = (size: number): boolean => size >= SHORTEST && size <= LONGEST

const PERCENT = 37
const BACKSLASH = 92

/** How much of the word at `at` belongs to an escape before it: `2F` of `%2F`, `n` of `\n` in JSON within JSON. */
function escapeRest(text: string, at: number): number {
  const before = text.charCodeAt(at - 1)
  if (before === PERCENT) return isHexAt(text, at) && isHexAt(text, at + 1) ? 2 : 0
  return before === BACKSLASH && 'nrt'.includes(text.charAt(at)) ? 1 : 0
}

function isHexAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at) | 32
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102)
}

/** Whether a whole text may be a name though it is no word: `team@example.org`, `a/b/c`; no white space, and short. */
export function isWholeName(text: string): boolean {
  if (!isSize(text.length)) return false
  let compound = false
  for (let at = 0; at < text.length; at++) {
    const here = classAt(text, at)
    if (here === BLANK) return false
    if ((here & WORD) === 0) compound = true
  }
  return compound
}
