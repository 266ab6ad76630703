import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { guestPrincipal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import type { RecordOperation } from '../operation/define.ts'
import { asProblem } from '../operation/errors.ts'
import { originOf, transportProblem } from '../operation/http.ts'
import { run } from '../operation/run.ts'
import { html } from '../pages/html.ts'
import { type Page, sendPage } from '../pages/layout.ts'
import { readConfirmToken, readUnsubscribeToken } from './links.ts'
import { subscriptionsConfirm } from './subscriptions-confirm.ts'
import { subscriptionsEnd } from './subscriptions-end.ts'

type Words = { title: string; text: (org: string) => string; button: string; done: string }

const CONFIRM: Words = {
  title: 'Confirm your subscription',
  text: (org) => `You will be told when ${org} schedules or moves a live event.`,
  button: 'Confirm',
  done: 'Your subscription is confirmed.',
}
const END: Words = {
  title: 'Unsubscribe',
  text: (org) => `You will be told nothing more of ${org}’s live events.`,
  button: 'Unsubscribe',
  done: 'You are unsubscribed.',
}

/**
 * Where the links in messages lead. Opening one changes nothing, since mail scanners open links too; its button does,
 * and so does a mail program's one-click unsubscribing (RFC 8058), which posts to the same address.
 */
export async function subscriptionPages(app: FastifyInstance, deps: Deps): Promise<void> {
  const form = { parseAs: 'string', bodyLimit: 4_096 } as const
  // the form has no fields: the link itself says all
  app.addContentTypeParser('application/x-www-form-urlencoded', form, (_request, _body, done) => done(null))
  app.addContentTypeParser('multipart/form-data', form, (_request, _body, done) => done(null))
  app.setErrorHandler((error, _request, reply) => refusal(transportProblem(error), reply))
  const { sealing } = deps
  mount('/subscriptions/confirm', CONFIRM, subscriptionsConfirm, (token) =>
    readConfirmToken(sealing, token, deps.clock()),
  )
  mount('/subscriptions/unsubscribe', END, subscriptionsEnd, (token) => readUnsubscribeToken(sealing, token))

  function mount(
    path: string,
    words: Words,
    operation: Pick<RecordOperation, 'id'>,
    orgOf: (token: string) => { org: string } | undefined,
  ): void {
    const linkOf = (request: FastifyRequest) => {
      const token = z.object({ token: z.string() }).safeParse(request.query).data?.token
      const link = token === undefined ? undefined : orgOf(token)
      return token !== undefined && link ? { token, org: link.org } : undefined
    }
    app.get(path, (request, reply) => {
      const link = linkOf(request)
      return sendPage(reply, link ? ask(words, link.org, request.url) : NOT_GOOD)
    })
    app.post(path, async (request, reply) => {
      const link = linkOf(request)
      if (!link) return sendPage(reply, NOT_GOOD)
      const call = {
        principal: guestPrincipal(link.org),
        requestId: request.id,
        origin: originOf(request, deps.config.url),
      }
      await run(deps, operation as RecordOperation, { token: link.token }, call)
      return sendPage(reply, { title: words.title, body: html`<p class="notice good">${words.done}</p>` })
    })
  }
}

const ask = ({ title, text, button }: Words, org: string, url: string): Page => ({
  title,
  body: html`<p>${text(org)}</p><form method="post" action="${url}"><button>${button}</button></form>`,
})

const NOT_GOOD: Page = {
  title: 'This link is not good any more',
  status: 404,
  body: html`<p>Subscribe again for a fresh link.</p>`,
}

function refusal(error: unknown, reply: FastifyReply): FastifyReply {
  const problem = asProblem(error)
  if (problem.status === 404) return sendPage(reply, NOT_GOOD)
  return sendPage(reply, {
    title: 'This did not work',
    status: problem.status,
    body: html`<p>${problem.options.detail}</p><p>${problem.toBody().nextAction}</p>`,
  })
}
