import { z } from 'zod'
import { read } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { findCampaign } from './campaigns/store.ts'
import { countDeliveries, PLATFORMS } from './devices/store.ts'
import { Id } from './schema.ts'

export const campaignsRead = read({
  id: 'notifications.campaigns.read',
  tool: 'notifications_campaign_read',
  surface: 'notifications',
  summary: 'Read how far a campaign is: followers told, and what became of its pushes.',
  boundaries: ['Counts only: no follower, address or device is named.'],
  http: { method: 'GET', path: '/api/notifications/campaigns/{campaignId}' },
  access: { auth: 'artist-admin-or-approved-automation', scope: 'live:read' },
  input: z.strictObject({ campaignId: Id }),
  output: z.object({
    ok: z.literal(true),
    campaign: z.object({
      id: z.string(),
      eventId: z.string(),
      title: z.string(),
      body: z.string(),
      startsAt: z.string().nullable(),
      audience: z.object({ count: z.int(), hash: z.string() }),
      status: z.enum(['expanding', 'sending', 'done']),
      told: z.int().describe('Followers whose inbox has it'),
      push: z.array(
        z.object({
          platform: z.enum(PLATFORMS),
          status: z.enum([
            'pending',
            'sent',
            'provider-not-configured',
            'token-dropped',
            'refused',
            'given-up',
            'withdrawn',
          ]),
          reason: z.string().nullable(),
          devices: z.int(),
        }),
      ),
      createdAt: z.string(),
      finishedAt: z.string().nullable(),
    }),
  }),
  errors: ['not-found', 'unauthenticated', 'forbidden', 'scope-missing'],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org }, { campaignId }) {
    const row =
      (await findCampaign(db, org, campaignId)) ?? fail('not-found', `There is no campaign ${campaignId}.`)
    const { id, eventId, title, body, status, told } = row
    return {
      ok: true as const,
      campaign: {
        ...{ id, eventId, title, body, status, told },
        startsAt: row.startsAt?.toISOString() ?? null,
        audience: { count: row.audienceSize, hash: row.audienceHash },
        push: await countDeliveries(db, org, campaignId),
        createdAt: row.createdAt.toISOString(),
        finishedAt: row.finishedAt?.toISOString() ?? null,
      },
    }
  },
})
