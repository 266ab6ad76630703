import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { type Html, html } from './html.ts'

/** One column, readable on a phone and in the dark; no script, no font and no image is loaded. */
const STYLE = `
:root{color-scheme:light dark;--line:#8884;--field:#808791;--accent:#2457d6;--quiet:#5f6673;--bad:#b42318;--good:#067647}
@media (prefers-color-scheme:dark){:root{--accent:#8ab0ff;--quiet:#9aa3b2;--bad:#ff8a7a;--good:#5fd49b}}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:42rem;margin:0 auto;padding:1.5rem 1rem 4rem}
header{max-width:42rem;margin:0 auto;padding:1rem 1rem 0;color:var(--quiet);font-weight:600}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
p,ul,dl,table,form,fieldset{margin:0 0 1rem}
fieldset{border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
legend{font-weight:600;padding:0 .25rem}
label{display:block;margin:.25rem 0}
label.choice{display:flex;gap:.6rem;align-items:baseline;padding:.35rem 0}
input[type=text],input[type=email],input[type=password],textarea{display:block;width:100%;min-height:2.75rem;margin-top:.25rem;padding:.5rem .75rem;font:inherit;border:1px solid var(--field);border-radius:.5rem;background:transparent;color:inherit}
button,a.button{display:inline-block;min-height:2.75rem;padding:.5rem 1.25rem;margin:.25rem .5rem .25rem 0;font:inherit;font-weight:600;line-height:1.6;border:1px solid var(--accent);border-radius:.5rem;background:var(--accent);color:Canvas;text-decoration:none;cursor:pointer}
button.quiet{background:transparent;color:inherit;border-color:var(--line)}
button.bad{background:transparent;color:var(--bad);border-color:var(--bad)}
a{color:var(--accent)}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid var(--line)}
dt{color:var(--quiet);font-size:.9rem}
dd{margin:0 0 .75rem}
code,pre,.exact{font:.9rem/1.5 ui-monospace,monospace}
pre,.exact{white-space:pre-wrap;border:1px solid var(--line);border-radius:.5rem;padding:.75rem}
.quiet{color:var(--quiet)}
.notice{border-left:.25rem solid var(--accent);padding:.5rem .75rem}
.notice.bad{border-color:var(--bad)}
.notice.good{border-color:var(--good)}
[aria-invalid]{border-color:var(--bad)!important}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
blockquote{margin:0 0 1rem;padding-left:1rem;border-left:.25rem solid var(--line);white-space:pre-wrap}
.exact{user-select:all}
del{color:var(--bad)}ins{color:var(--good);text-decoration:none}
.changes td{white-space:pre-wrap;width:40%}
.changes th[scope=row]::first-letter{text-transform:uppercase}
.changes th .quiet{display:block;font-weight:400}
@media (max-width:36rem){
.changes tr{display:grid;grid-template-columns:1fr 1fr;gap:0 .75rem;border-bottom:1px solid var(--line)}
.changes th,.changes td{border:0;width:auto;padding:.5rem 0}
.changes td{font-size:.95rem}
.changes thead tr th:first-child{display:none}
.changes th[scope=row]{grid-column:1/-1;padding-bottom:0}
}
details{border-bottom:1px solid var(--line)}
summary{cursor:pointer;padding:.6rem 0}
details>:not(summary){margin-left:1rem}
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export type Page = {
  title: string
  body: Html
  status?: number
  /** Origins besides ours that a form of this page ends at, by redirect: browsers hold `form-action` against those. */
  formTargets?: readonly string[]
}

/** The whole document. */
export const document = (page: Pick<Page, 'title' | 'body'>): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · Countersign</title>
<style>${{ safe: STYLE }}</style>
</head>
<body>
<header>Countersign</header>
<main>
<h1>${page.title}</h1>
${page.body}
</main>
</body>
</html>
`.safe

/** Headers of every page: never framed, never cached, loads nothing. */
export const pageHeaders = (formTargets: readonly string[] = []): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  // not no-referrer: browsers would then send "Origin: null" with our own forms
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
})

export const sendPage = (reply: FastifyReply, page: Page): FastifyReply =>
  reply
    .code(page.status ?? 200)
    .headers(pageHeaders(page.formTargets))
    .send(document(page))
