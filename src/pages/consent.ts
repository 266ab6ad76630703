import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { signOutForm } from './sign-in.ts'

export type ConsentView = {
  /** The signed request, sent back as it came. */
  oauthQuery: string
  clientName: string
  /** Where the answer goes: the only thing about a client that is not just its own word. */
  redirectTo: string
  person: { name: string; email: string }
  organisations: readonly { org: string; role: string }[]
  scopes: readonly { scope: string; meaning: string }[]
  days: number
  mistake?: string
}

/** A redirect ends at an https origin, or at a scheme of the client's own on this device. */
const formTarget = (redirectTo: string): string => {
  const { protocol, origin } = new URL(redirectTo)
  return protocol === 'https:' || protocol === 'http:' ? origin : protocol
}

const returnsTo = (redirectTo: string): string => {
  const { protocol, host } = new URL(redirectTo)
  return protocol === 'https:' || protocol === 'http:' ? host : `an application on your device (${protocol})`
}

export const consentPage = (view: ConsentView): Page => ({
  title: `Let ${view.clientName} act for you?`,
  status: view.mistake ? 400 : 200,
  formTargets: [formTarget(view.redirectTo)],
  body: html`${view.mistake && html`<p class="notice bad" role="alert">${view.mistake}</p>`}
<p>The application calls itself <strong>${view.clientName}</strong> and takes your answer to
<strong>${returnsTo(view.redirectTo)}</strong>. Allow it only if you have just started this yourself.</p>
<form method="post" action="/oauth/consent">
<input type="hidden" name="oauth_query" value="${view.oauthQuery}">
${organisationChoice(view.organisations)}
<fieldset><legend>It may</legend>
${view.scopes.map(
  ({
    scope,
    meaning,
  }) => html`<label class="choice"><input type="checkbox" name="scope" value="${scope}" checked>
<span>${meaning}<br><code class="quiet">${scope}</code></span></label>`,
)}
</fieldset>
<p>It never gets more than you may do yourself, it cannot approve anything, and owners can revoke this at any time.
It ends by itself after ${view.days} days.</p>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="refuse" class="bad">Refuse</button>
</form>
<p class="quiet">Signed in as ${view.person.name} (${view.person.email}).</p>
${signOutForm()}`,
})

function organisationChoice(organisations: ConsentView['organisations']): Html {
  const [only] = organisations
  if (organisations.length === 1 && only)
    return html`<p>In the organisation <strong>${only.org}</strong>, where you are ${only.role}.
<input type="hidden" name="org" value="${only.org}"></p>`
  return html`<fieldset><legend>In the organisation</legend>
${organisations.map(
  ({ org, role }, index) =>
    html`<label class="choice"><input type="radio" name="org" value="${org}" required${
      index === 0 && html` checked`
    }><span>${org} <span class="quiet">(${role})</span></span></label>`,
)}
</fieldset>`
}

export const oauthErrorPage = (code: string, status = 400): Page => ({
  title: 'This request cannot be completed',
  status,
  body: html`<p>The application asked for access in a way that this server does not accept. Start again from the
application; if that does not help, tell its makers the code below.</p>
<p><code>${code.slice(0, 100)}</code></p>`,
})
