import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'
import { subscriptionPages } from '../notifications/pages.ts'
import { originOf } from '../operation/http.ts'
import { approvalPages } from '../sessions/pages.ts'
import { sendPage } from './layout.ts'
import { llmsText } from './llms.ts'
import { referencePage } from './reference.ts'

/** Pages for people, and the text that tells agents where to start. */
export function registerPages(app: FastifyInstance, deps: Deps): void {
  void app.register((scope) => approvalPages(scope, deps))
  void app.register((scope) => subscriptionPages(scope, deps))
  app.get('/', (_request, reply) => reply.redirect('/reference'))
  app.get('/reference', (_request, reply) => sendPage(reply, referencePage(deps.operations)))
  app.get('/llms.txt', (request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send(llmsText(deps.operations, originOf(request, deps.config.url))),
  )
}
