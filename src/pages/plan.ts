import type { Plan, PlanChange } from '../operation/plan.ts'
import { type Html, html } from './html.ts'

/** A plan as a person reads it: every field before and after, then what speaks against it and where it shows. */
export const planSection = (plan: Plan): Html => html`${planTable(plan)}
${list('Warnings', plan.warnings)}
${list(
  'Conflicts',
  plan.conflicts.map(({ pointer, message }) => `${pointer}: ${message}`),
)}
${list('It shows in', plan.affectedSurfaces)}
${notification(plan)}`

/** The roles are said because a phone's layout (each change as a block) would otherwise take them from the table. */
const planTable = (plan: Pick<Plan, 'changes'>): Html => html`<table class="changes" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Field</th><th scope="col" role="columnheader">Before</th><th scope="col" role="columnheader">After</th></tr></thead>
<tbody role="rowgroup">${plan.changes.map(
  (change) => html`<tr role="row"><th scope="row" role="rowheader">${fieldOf(plan, change)}</th>
<td role="cell">${side('del', change.before, change.shown?.before)}</td>
<td role="cell">${side('ins', change.after, change.shown?.after)}</td></tr>`,
)}</tbody>
</table>`

/** A plan of several targets says which one each change is of. */
const fieldOf = (plan: Pick<Plan, 'changes'>, { label, target }: PlanChange): Html =>
  target !== undefined && plan.changes.some((each) => each.target !== target)
    ? html`${label}<span class="quiet">${target}</span>`
    : html`${label}`

function side(mark: 'del' | 'ins', value: PlanChange['before'], shown: string | undefined): Html {
  if (value === null) return html`<span class="quiet">${shown ?? 'not set'}</span>`
  const text = shown ?? readable(value)
  return mark === 'del' ? html`<del>${text}</del>` : html`<ins>${text}</ins>`
}

const readable = (value: PlanChange['before']): string => {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === '') return '(empty)'
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

const list = (title: string, items: readonly string[]): Html | false =>
  items.length > 0 && html`<h2>${title}</h2><ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`

/** Follower copy that would go out with the change, as it reads in several zones. */
function notification(plan: Plan): Html | false {
  const details = plan.details.fanNotification as
    | {
        copy: { title: string }
        renderedStart: { timeZone: string; body: string }[]
        delivery: { detail: string }
      }
    | undefined
  if (!details) return false
  return html`<h2>Followers would read</h2>
<p><strong>${details.copy.title}</strong></p>
<ul>${details.renderedStart.map(({ timeZone, body }) => html`<li>${timeZone}: ${body}</li>`)}</ul>
<p class="quiet">${details.delivery.detail}</p>`
}
