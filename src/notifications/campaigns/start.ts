import { enqueue } from '../../jobs/send.ts'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { newId } from '../../sessions/rules.ts'
import type { Audience } from '../audience.ts'
import type { Copy } from '../copy.ts'
import { insertCampaign } from './store.ts'

export const DELIVER = 'notifications.deliver'

export type Asked = { eventId: string; copy: Copy; audience: Audience; operationId: string; key: string }

/**
 * Writes a campaign in the open transaction of the write that it tells of, so it goes out if and only if that is
 * committed. Answers its id. Errors: `conflict` when this caller has one under this key already.
 */
export async function startCampaign(ctx: Context, asked: Asked): Promise<string> {
  const { audience, copy } = asked
  const id = await insertCampaign(ctx.db, {
    org: ctx.org,
    id: newId('campaign'),
    eventId: asked.eventId,
    ...copy,
    audienceVersion: audience.version,
    audienceSize: audience.size,
    audienceHash: audience.hash,
    createdAt: ctx.now,
    principalId: ctx.principal.id,
    operationId: asked.operationId,
    idempotencyKey: asked.key,
  })
  if (id === undefined)
    return fail('conflict', 'Followers were told under this idempotency key before; use a new one.')
  await enqueue(ctx.db, DELIVER, { org: ctx.org, id })
  return id
}
