/** HTML that is safe to send. Everything put into the `html` template is escaped unless it is one of these. */
export type Html = { readonly safe: string }

type Part = Html | string | number | null | undefined | false | readonly Part[]

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeText = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string)

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return ''
  if (Array.isArray(part)) return part.map(render).join('')
  return typeof part === 'object' ? (part as Html).safe : escapeText(String(part))
}

/** Fills a template, escaping what is put in; nothing, false and lists are left out and joined. */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html => ({
  safe: strings.reduce((text, string, index) => `${text}${render(parts[index - 1])}${string}`),
})
