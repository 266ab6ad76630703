import { verifiedHolder } from '../../config-hub/connectors/open.ts'
import { READS, WRITES } from '../../config-hub/schema.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { type Authority, mayUse } from '../execution/sides.ts'
import { holdToken } from '../execution/tokens.ts'
import { workHeld } from './held.ts'
import { otherOrg } from './rules.ts'
import type { JobRow } from './store.ts'

/** How a job may use the other organisation: in the name of who allowed it here, or by a token that a process holds. */
export type Use = { authority?: Authority; holder: string | undefined }

/** Which side of a job the other organisation is: what is written to wants more than what is read. */
export type Other = { org: string; side: 'source' | 'target' }

/**
 * Verifies the token for the other organisation. One of this server is forgotten then: who it belongs to is kept, and is
 * asked for again whenever the job starts. One of another server stays in the memory of this process, for this job.
 * Errors: `forbidden`, `unavailable`.
 */
export async function useOf(ctx: Context, jobId: string, { org, side }: Other, token: string): Promise<Use> {
  const found = await verifiedHolder(ctx, org, token, side === 'target' ? WRITES : READS)
  if (found.kind === 'local') return { authority: { org, principal: found.principal }, holder: undefined }
  const holder = await holdToken(ctx.deps, jobId, token)
  workHeld(ctx.deps, ctx.org, jobId)
  return { holder }
}

/** Tokens as requests bring them. */
export type Tokens = { target_auth_token?: string | undefined; source_auth_token?: string | undefined }

/**
 * How a pull may read its source: by a token of it, or because the caller is one of those who may there as well. Errors
 * as `useOf`, and `validation-failed` when it is neither.
 */
export async function useOfSource(
  ctx: Context,
  jobId: string,
  org: string,
  token: string | undefined,
): Promise<Use> {
  if (token !== undefined) return useOf(ctx, jobId, { org, side: 'source' }, token)
  const { userId } = ctx.principal
  const principal = `user:${userId}`
  // no agent reaches beyond the organisation of its grant because its delegator could
  const own = userId !== null && ctx.principal.kind !== 'grant'
  if (own && (await mayUse(ctx.deps, { org, principal }, 'source')))
    return { authority: { org, principal }, holder: undefined }
  return fail('validation-failed', {
    detail: `Reading ${org} takes a token of it, or being one of those who administer both organisations.`,
    errors: [{ pointer: '/source_auth_token', message: `is needed: a token of ${org}` }],
  })
}

/**
 * The same for a job that follows another one: by the token that is given, or as the former job was allowed to, if the
 * same principal asks. Nobody uses what another one was entrusted with. Errors: `validation-failed`, `forbidden`,
 * `unavailable`.
 */
export async function useAgain(ctx: Context, jobId: string, former: JobRow, tokens: Tokens): Promise<Use> {
  const org = otherOrg(former)
  if (org === undefined) return { holder: undefined }
  const side = org === former.targetOrg ? 'target' : 'source'
  const token = tokens[`${side}_auth_token`]
  if (token !== undefined) return useOf(ctx, jobId, { org, side }, token)
  const { authority } = former.request
  if (authority && former.requestedBy.id === ctx.principal.id) return { authority, holder: undefined }
  return fail('validation-failed', {
    detail: authority
      ? `The use of ${org} was allowed to somebody else.`
      : `${org} is on another server, whose token was not kept.`,
    errors: [{ pointer: `/${side}_auth_token`, message: `is needed: a token of ${org}` }],
  })
}
