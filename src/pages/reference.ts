import { actionLiteral, type Operation } from '../operation/define.ts'
import { ERRORS } from '../operation/errors.ts'
import { inputFields } from '../operation/manifest.ts'
import { SURFACES } from '../surfaces/surfaces.ts'
import { html } from './html.ts'
import type { Page } from './layout.ts'

/** The API reference, rendered from the same list as everything else. */
export const referencePage = (operations: readonly Operation[]): Page => ({
  title: 'API reference',
  body: html`<p>The whole of it as <a href="/openapi.json">OpenAPI 3.1</a>; agents start at <a href="/llms.txt">llms.txt</a> or <code>/mcp</code>.</p>
${Object.entries(SURFACES).map(
  ([id, summary]) => html`<h2>${id}</h2><p class="quiet">${summary}</p>
${operations.filter(({ surface }) => surface === id).map(entry)}`,
)}
<h2>Error codes</h2>
<table><thead><tr><th>Code</th><th>Status</th><th>What to do</th></tr></thead>
<tbody>${Object.entries(ERRORS).map(([code, { status, nextAction }]) => html`<tr><td><code>${code}</code></td><td>${status}</td><td>${nextAction}</td></tr>`)}</tbody></table>`,
})

const entry = (operation: Operation) => {
  const action = actionLiteral(operation)
  return html`<details id="${operation.id}"><summary><code>${operation.http.method} ${operation.http.path}</code>${action && html` <code>${action}</code>`}<br>${operation.summary}</summary>
<p><code>${operation.id}</code> · tool <code>${operation.tool}</code> · ${operation.effect} · ${operation.access.auth}</p>
<ul>${operation.boundaries.map((each) => html`<li>${each}</li>`)}</ul>
<table><tbody>${Object.entries(inputFields(operation.input)).map(
    ([name, field]) =>
      html`<tr><th scope="row"><code>${name}</code></th><td>${String(field.type ?? field.contract)}${field.required === true && html` <strong>required</strong>`}${Array.isArray(field.values) && html`: ${field.values.join(', ')}`}</td></tr>`,
  )}</tbody></table></details>`
}
