import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authenticate, refuseForeignPage } from '../access/authenticate.ts'
import type { Principal } from '../access/principal.ts'
import type { Deps } from '../deps.ts'
import { asProblem, type Problem } from '../operation/errors.ts'
import { originOf, transportProblem } from '../operation/http.ts'
import { run } from '../operation/run.ts'
import { type ApprovalView, approvalPage } from '../pages/approval.ts'
import { html } from '../pages/html.ts'
import { sendPage } from '../pages/layout.ts'
import { signInUrl, signOutForm } from '../pages/sign-in.ts'
import { approvalsRead } from './approvals-read.ts'
import { approvalsResolve } from './approvals-resolve.ts'
import { read as sessionRead } from './read.ts'

type Params = { sessionId: string; approvalId: string }
const PATH = '/approvals/:sessionId/:approvalId'

/** The first-party page on which a person decides. It calls the same operations as everybody else. */
export async function approvalPages(app: FastifyInstance, deps: Deps): Promise<void> {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 16_384 },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  app.setErrorHandler((error, request, reply) => refusal(transportProblem(error), request, reply))
  app.get<{ Params: Params }>(PATH, async (request, reply) => {
    const principal = await signedIn(deps, request)
    if (!principal) return reply.redirect(signInUrl(request.url))
    return sendPage(reply, approvalPage(await viewOf(deps, request, principal)))
  })
  app.post<{ Params: Params; Body: Record<string, string> }>(PATH, async (request, reply) => {
    const principal = await signedIn(deps, request)
    if (!principal) return reply.redirect(signInUrl(request.url))
    refuseForeignPage(deps.access, request.headers)
    try {
      await run(
        deps,
        approvalsResolve,
        decisionOf(request.params, request.body),
        callOf(deps, request, principal),
      )
    } catch (error) {
      const problem = asProblem(error)
      const view = await viewOf(deps, request, principal)
      const typed = typedIn(request.body)
      const mistake = { text: mistakeOf(problem, typed), status: problem.status, typed }
      return sendPage(reply, approvalPage({ ...view, mistake }))
    }
    return reply.redirect(request.url, 303)
  })
}

/** The form carries one decision; an approval typed wrong or left empty is refused by the operation. */
function decisionOf(
  { sessionId, approvalId }: Params,
  body: Record<string, string> | null | undefined,
): Record<string, unknown> {
  const { decision, planDigest, confirmationText, reason } = body ?? {}
  if (decision === 'approve')
    return { sessionId, approvalId, decision, planDigest, confirmationText: confirmationText ?? '' }
  return { sessionId, approvalId, decision, planDigest, reason }
}

/** Of what the form holds, people can only get the reason's length wrong; schema words are for programs. */
const mistakeOf = ({ code, options }: Problem, typed: Typed): string =>
  code === 'validation-failed' && typed.reason !== undefined
    ? 'Say why, in 1 to 800 characters.'
    : options.detail

type Typed = { confirmationText?: string; reason?: string }

/** What the person typed is put back, in the form that it was typed in. */
const typedIn = (body: Record<string, string> | null | undefined): Typed => {
  const { decision, confirmationText, reason } = body ?? {}
  return decision === 'approve' ? { confirmationText } : { reason: reason ?? '' }
}

/** The person of the cookie in the approval's organisation, or undefined when nobody is signed in. */
async function signedIn(deps: Deps, request: FastifyRequest): Promise<Principal | undefined> {
  const { artistId } = request.query as { artistId?: string }
  const principal = await authenticate(deps.access, {
    headers: { cookie: request.headers.cookie, origin: request.headers.origin, host: request.headers.host },
    artistId,
  })
  return principal.kind === 'person' ? principal : undefined
}

const callOf = (deps: Deps, request: FastifyRequest, principal: Principal) => ({
  principal,
  requestId: request.id,
  origin: originOf(request, deps.config.url),
})

async function viewOf(
  deps: Deps,
  request: FastifyRequest<{ Params: Params }>,
  principal: Principal,
): Promise<ApprovalView> {
  const { sessionId } = request.params
  const call = callOf(deps, request, principal)
  const approvalReply = await run(deps, approvalsRead, request.params, call)
  const sessionReply = await run(deps, sessionRead, { sessionId }, call)
  const { approval, youMayDecide, whyNot } = approvalReply.body as {
    approval: ApprovalView['approval'] & { plan: ApprovalView['plan'] }
  } & Pick<ApprovalView, 'youMayDecide' | 'whyNot'>
  const { session } = sessionReply.body as Pick<ApprovalView, 'session'>
  return {
    approval,
    plan: approval.plan,
    session,
    youMayDecide,
    whyNot,
    person: principal.displayName,
    org: principal.org,
    path: request.url,
    now: deps.clock(),
  }
}

function refusal(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (problem.status >= 500) request.log.error({ err: problem }, 'approval page')
  const { detail } = problem.options
  return sendPage(reply, {
    title: 'This cannot be shown',
    status: problem.status,
    body: html`<p>${detail}</p><p>${problem.toBody().nextAction}</p>
<p class="quiet">Another account may be allowed to see it.</p>${signOutForm(request.url)}`,
  })
}
