import { actionLiteral, type Operation, routePath } from '../operation/define.ts'
import { ERRORS, type ErrorCode } from '../operation/errors.ts'
import { inputFields } from '../operation/manifest.ts'
import { SURFACES } from '../surfaces/surfaces.ts'
import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'

/** The API reference, rendered from the same list as everything else. */
export const referencePage = (operations: readonly Operation[]): Page => ({
  title: 'API reference',
  body: html`<p>The whole of it as <a href="/openapi.json">OpenAPI 3.1</a>; agents start at <a href="/llms.txt">llms.txt</a> or <code>/mcp</code>.</p>
<p>${Object.keys(SURFACES).map((id) => html`<a href="#${id}">${id}</a> · `)}<a href="#errors">error codes</a></p>
${Object.entries(SURFACES).map(
  ([id, summary]) => html`<h2 id="${id}">${id}</h2><p class="quiet">${summary}</p>
${operations.filter(({ surface }) => surface === id).map(entry)}`,
)}
<h2 id="errors">Error codes</h2>
<dl>${Object.entries(ERRORS).map(
    ([code, { status, nextAction }]) =>
      html`<dt id="error-${code}"><code>${code}</code> ${status}</dt><dd>${nextAction}</dd>`,
  )}</dl>`,
})

const entry = (operation: Operation): Html => {
  const { http, access } = operation
  const action = actionLiteral(operation)
  return html`<details id="${operation.id}"><summary>${operation.summary}<br><code class="quiet">${http.method} ${routePath(http)}${action && ` · ${action}`}</code></summary>
<p><code>${operation.id}</code> · tool <code>${operation.tool}</code> · ${operation.effect} · for ${access.auth}${access.scope && html` with <code>${access.scope}</code>`}</p>
<ul>${operation.boundaries.map((each) => html`<li>${each}</li>`)}</ul>
${inputs(operation)}
<p>Refusals: ${operation.errors.map((code, index) => html`${index > 0 && ', '}${errorLink(code)}`)}</p></details>`
}

const errorLink = (code: ErrorCode): Html => html`<a href="#error-${code}"><code>${code}</code></a>`

function inputs(operation: Operation): Html {
  const fields = Object.entries(inputFields(operation.input))
  if (fields.length === 0) return html`<p>It takes no input.</p>`
  return html`<dl>${fields.map(
    ([name, field]) =>
      html`<dt><code>${name}</code>${field.required === true && html` <strong>required</strong>`}</dt><dd>${describeField(field)}</dd>`,
  )}</dl>`
}

const LIMITS = { minLength: 'at least', maxLength: 'at most', min: 'from', max: 'to' } as const

function describeField(field: Record<string, unknown>): string {
  const limits = Object.entries(LIMITS).flatMap(([name, word]) =>
    field[name] === undefined ? [] : [`${word} ${field[name]}`],
  )
  const characters = field.minLength === undefined && field.maxLength === undefined ? '' : ' characters'
  const parts = [
    String(field.type ?? field.contract),
    ...(Array.isArray(field.values) ? [field.values.join(', ')] : []),
    ...(field.nullable === true ? ['or null'] : []),
    ...(limits.length > 0 ? [limits.join(' ') + characters] : []),
    ...(typeof field.description === 'string' ? [field.description] : []),
  ]
  return parts.join('; ')
}
