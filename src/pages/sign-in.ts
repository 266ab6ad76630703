import { type Html, html } from './html.ts'
import type { Page } from './layout.ts'

/** Where to send somebody who must sign in first and should come back to `next`, a path of ours. */
export const signInUrl = (next: string): string => `/sign-in?next=${encodeURIComponent(next)}`

/** A path on this server, or the start page: `//host` and `/\host` would leave it. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string' || next.length > 8000 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(next))
    return '/signed-in'
  return next
}

export type SignInView = {
  next: string
  email?: string
  mistake?: string
  status?: number
  signedInAs?: string
}

export const signInPage = ({ next, email, mistake, status, signedInAs }: SignInView): Page => ({
  title: 'Sign in',
  status: status ?? 200,
  body: html`${mistake && html`<p class="notice bad" role="alert">${mistake}</p>`}
${signedInAs && html`<p class="notice">You are signed in as ${signedInAs}. <a href="${next}">Continue</a></p>`}
<form method="post" action="/sign-in">
<input type="hidden" name="next" value="${next}">
<label>E-mail
<input type="email" name="email" value="${email}" autocomplete="username" required maxlength="255"></label>
<label>Password
<input type="password" name="password" autocomplete="current-password" required maxlength="128"></label>
<button>Sign in</button>
</form>
<p class="quiet">Accounts are made by the owners of an organisation.</p>`,
})

export const signedInPage = (name: string): Page => ({
  title: 'You are signed in',
  body: html`<p>${name}, you can close this page or open the link that brought you here again.</p>${signOutForm()}`,
})

export const signOutForm = (next = '/sign-in'): Html => html`<form method="post" action="/sign-out">
<input type="hidden" name="next" value="${next}">
<button class="quiet">Sign out</button>
</form>`
