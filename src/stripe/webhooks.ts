import type { FastifyInstance } from 'fastify'
import Stripe from 'stripe'
import { requireOrganisation } from '../access/organisations.ts'
import type { Deps } from '../deps.ts'
import { fail } from '../operation/errors.ts'
import { isLive } from './client.ts'
import type { StripeAccount } from './config.ts'
import { CATALOG_EVENTS } from './pages.ts'
import { askForScan } from './scan.ts'
import { insertStripeEvent } from './store.ts'

/** Events of a catalog have some kilobytes. */
const BODY_LIMIT = 262_144
/** Of a signature's time, as the official client has it. */
const TOLERANCE_SECONDS = 300

/**
 * Where Stripe tells of changes: `POST /api/webhooks/stripe/{org}`. What it tells is only a reason to look: nothing of an
 * event but its id, type and time is kept, and the scan that follows reads Stripe's own lists.
 */
export async function registerStripeWebhooks(app: FastifyInstance, deps: Deps): Promise<void> {
  await app.register(async (scope) => {
    // the signature is over the bytes as they came
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.post<{ Params: { org: string } }>(
      '/api/webhooks/stripe/:org',
      { bodyLimit: BODY_LIMIT },
      async (request, reply) => {
        const { org } = request.params
        const account = await accountOf(deps, org)
        const event = verified(account, request.body, request.headers['stripe-signature'], deps.clock())
        const received = await receive(deps, org, account, event)
        request.log.info({ org, event: event.id, type: event.type, received }, 'event of Stripe')
        return reply.send({ ok: true, received })
      },
    )
  })
}

/** No organisation, no account and no secret look alike. */
async function accountOf(deps: Deps, org: string): Promise<StripeAccount> {
  const account = deps.config.stripe?.accounts.find((each) => each.org === org)
  if (!account?.webhookSecrets?.length) return fail('not-found', 'There is no such organisation.')
  await requireOrganisation(deps.access, org)
  return account
}

/** By any secret that is valid: while one is replaced there are two. */
function verified(account: StripeAccount, body: unknown, signature: unknown, now: Date): Stripe.Event {
  const refused = () =>
    fail('validation-failed', {
      detail: 'The signature is missing, wrong, or too old.',
      nextAction:
        'Compare the signing secret of the endpoint at Stripe with the configured one, and the clocks.',
    })
  if (!Buffer.isBuffer(body) || typeof signature !== 'string') return refused()
  const { webhooks } = Stripe
  for (const secret of account.webhookSecrets ?? [])
    try {
      return webhooks.constructEvent(body, signature, secret, TOLERANCE_SECONDS, undefined, now.getTime())
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) return refused()
    }
  return refused()
}

type Received = 'new' | 'known' | 'ignored'

async function receive(
  deps: Deps,
  org: string,
  account: StripeAccount,
  event: Stripe.Event,
): Promise<Received> {
  if (
    typeof event.id !== 'string' ||
    !/^evt_\w{1,250}$/.test(event.id) ||
    !Number.isSafeInteger(event.created)
  )
    return fail('validation-failed', 'The event has no id or no time.')
  // an account behind a platform (Connect), or a sandbox where real money is configured, and the other way round
  if (event.account !== undefined || event.livemode !== isLive(account.key))
    return fail('validation-failed', 'The event is of another account, or of another mode than the key.')
  if (!(CATALOG_EVENTS as readonly string[]).includes(event.type)) return 'ignored'
  const now = deps.clock()
  const kept = { id: event.id, type: event.type, createdAt: new Date(event.created * 1000) }
  return deps.db.transaction(async (tx) => {
    const inserted = await insertStripeEvent(tx, org, kept, now)
    if (!inserted) return 'known'
    if (inserted.only) await askForScan(tx, org, now)
    return 'new'
  })
}
