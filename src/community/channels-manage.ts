import { z } from 'zod'
import { communityId } from '../access/principal.ts'
import { linkedEvents } from '../live/linked.ts'
import { type Context, write } from '../operation/define.ts'
import { EnvelopeSchema } from '../operation/envelope.ts'
import { fail } from '../operation/errors.ts'
import { type PlanChange, PlanSchema } from '../operation/plan.ts'
import { CHANGES, type Change, type Channel, changed, channelSlug, FIELDS_OF, type Managed } from './rules.ts'
import { ChannelId, ChannelSchema, CONTRACT_ID } from './schema.ts'
import { MODERATES } from './standing.ts'
import { findCommunity, listChannels, lockCommunity, moveCommunity, putChannel } from './store.ts'
import { presentChannel } from './view.ts'

const Input = z.strictObject({
  action: z.literal('confirm_community_channels_change'),
  change: z.enum(CHANGES),
  channelId: ChannelId.optional().describe(
    'The channel; of a new one the id, made from the title unless told',
  ),
  title: z.string().trim().min(1).max(120).optional(),
  membersOnly: z.boolean().optional().describe('Only who is signed in reads it'),
  order: z.array(ChannelId).max(10).optional().describe('The ids of all active channels, in their new order'),
  expectedVersion: z.int().min(0).optional().describe('Refuse with 412 when the community changed since'),
  envelope: EnvelopeSchema,
})

/** Refuses fields that a change needs and has not, or has and does not take. */
function requireFields(change: Change): void {
  const { needs, takes } = FIELDS_OF[change.change]
  const wrong = (['channelId', 'title', 'membersOnly', 'order'] as const).flatMap((field) => {
    const given = change[field] !== undefined
    if (given ? takes.includes(field) : !needs.includes(field)) return []
    return [
      {
        pointer: `/${field}`,
        message: given ? `${change.change} takes no ${field}` : `${change.change} needs it`,
      },
    ]
  })
  if (wrong.length > 0)
    fail('validation-failed', { detail: 'The fields do not fit the change.', errors: wrong })
}

type Subject = { before: Channel[]; next: Managed[]; unlocked: boolean }

export const channelsManage = write({
  id: 'community.channels.manage',
  tool: 'fanful_creator_community_channels_manage',
  surface: 'community-chat',
  summary: 'Create, rename, archive, restore or order the channels of a community, or lock and unlock it.',
  boundaries: [
    'At most 4 channels are active; general always is.',
    'A channel that a scheduled or live event is linked to is not archived.',
    'While a community is locked only moderators read and write, and no event is linked to its channels.',
  ],
  http: { method: 'POST', path: '/api/agent/community-chat' },
  access: MODERATES,
  input: Input,
  output: z.object({
    ok: z.literal(true),
    mode: z.enum(['applied', 'preview']),
    plan: PlanSchema,
    community: z.object({ id: z.string(), unlocked: z.boolean(), version: z.number().int() }).optional(),
    channels: z.array(ChannelSchema).optional(),
  }),
  errors: ['validation-failed', 'not-found', 'stale', 'plan-blocked', 'approval-required'],
  confirmation: {
    kind: 'community-channels',
    reason: 'Channels are where a community talks; archiving and locking take that away from listeners.',
    contractId: CONTRACT_ID,
    action: 'creator.community.channels.manage',
    envelope: true,
  },
  audit: {
    event: ({ arguments: { change } }) =>
      change === 'lock' || change === 'unlock' ? `community_${change}` : `community_channel_${change}`,
    record: 'community_channels + communities + agent_write_idempotency_keys',
    attribution: 'The channels and the gate before and after, with who changed them.',
  },
  async preview(ctx, { envelope: _envelope, action: _action, expectedVersion: _version, ...change }) {
    requireFields(change)
    const { community, channels } = await observed(ctx)
    const named = channels.find(({ id }) => id === change.channelId)
    if (change.channelId !== undefined && change.change !== 'create' && !named)
      fail('not-found', {
        detail: `There is no channel ${change.channelId}.`,
        errors: [{ pointer: '/channelId', message: 'unknown channel' }],
      })
    const linked = (await linkedEvents(ctx)).filter(({ channelId }) => channelId === named?.id)
    const after = changed({ channels, unlocked: community.unlocked }, change, linked.length)
    const subject: Subject = { before: channels, next: after.channels, unlocked: after.unlocked }
    const id = communityId(ctx.org)
    const updatedAt = community.updatedAt?.toISOString() ?? null
    const said = wording(change, named)
    return {
      subject,
      target: targetOf(ctx, change, named),
      targetSummary: `${said[0]?.toUpperCase()}${said.slice(1)}.`,
      observed: [{ kind: 'community', id, version: community.version, updatedAt }],
      arguments: JSON.parse(JSON.stringify(change)),
      changes: changesOf(subject, community.unlocked),
      affectedSurfaces: ['community chat', 'live-controls manifest'],
      blockers: after.problems.map((message) => ({ code: 'plan-blocked' as const, message })),
      confirmationText: `I confirm ${said}.`,
      details: { linkedEvents: linked.map(({ title }) => title) },
    }
  },
  async apply(ctx, plan, _input, { before, next, unlocked }) {
    for (const channel of next) {
      const was = before.find(({ id }) => id === channel.id)
      if (!was || MANAGED.some((field) => was[field] !== channel[field]))
        await putChannel(ctx.db, ctx.org, channel, ctx.now)
    }
    const { version } = await moveCommunity(ctx.db, ctx.org, unlocked, ctx.now)
    const channels = (await listChannels(ctx.db, ctx.org)).map(presentChannel)
    const community = { id: communityId(ctx.org), unlocked, version }
    const [first] = plan.observed
    return {
      output: { ok: true as const, mode: 'applied' as const, plan, community, channels },
      previous: { version: first?.version, channels: before.map(presentChannel) },
      next: { id: plan.target.id ?? createdIn(before, next), ...{ version, unlocked, channels } },
    }
  },
})

const MANAGED = ['title', 'active', 'position', 'membersOnly'] as const

const createdIn = (before: readonly Channel[], next: readonly Managed[]): string | undefined =>
  next.find(({ id }) => before.every((channel) => channel.id !== id))?.id

async function observed(ctx: Context) {
  if (ctx.lock) return lockCommunity(ctx.db, ctx.org, ctx.now)
  return { community: await findCommunity(ctx.db, ctx.org), channels: await listChannels(ctx.db, ctx.org) }
}

function targetOf(ctx: Context, change: Change, named: Channel | undefined) {
  if (change.change === 'create')
    return { kind: 'community-channel', id: null, title: change.title as string }
  if (named) return { kind: 'community-channel', id: named.id, title: named.title }
  return { kind: 'community', id: communityId(ctx.org), title: 'the community' }
}

/** What is done, as a confirmation says it. */
function wording(change: Change, named: Channel | undefined): string {
  const audience =
    change.membersOnly === undefined ? '' : change.membersOnly ? ', for members' : ', for everybody'
  switch (change.change) {
    case 'create':
      return `creating the channel ${change.title} as ${change.channelId ?? channelSlug(change.title as string)}${audience}`
    case 'update':
      return `updating the channel ${named?.title} to ${change.title ?? named?.title}${audience}`
    case 'archive':
      return `archiving the channel ${named?.title}`
    case 'restore':
      return `restoring the channel ${named?.title}`
    case 'order':
      return `ordering the channels to ${change.order?.join(', ')}`
    case 'lock':
      return 'locking the community'
    case 'unlock':
      return 'unlocking the community'
  }
}

function changesOf({ before, next, unlocked }: Subject, was: boolean): PlanChange[] {
  const gate: PlanChange[] =
    unlocked === was
      ? []
      : [{ op: 'update', pointer: '/unlocked', label: 'community unlocked', before: was, after: unlocked }]
  return [
    ...gate,
    ...next.flatMap((channel) => {
      const old = before.find(({ id }) => id === channel.id)
      return MANAGED.filter((field) => old?.[field] !== channel[field]).map((field) => ({
        op: old ? ('update' as const) : ('create' as const),
        pointer: `/channels/${channel.id}/${field}`,
        label: `${field} of ${channel.title}`,
        before: old?.[field] ?? null,
        after: channel[field],
      }))
    }),
  ]
}
