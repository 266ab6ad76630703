import type { JsonObject } from '../sync-jobs/engine/definition.ts'
import { FAMILIES, type FamilyId, type TriggerSubject } from './families.ts'

export type PayloadInput = {
  org: string
  origin: string
  /** Of the event, or of the test. */
  id: string
  deliveryId: string
  family: FamilyId
  subject: TriggerSubject
  data: Record<string, unknown>
  at: Date
  session: { id: string; mode: 'opened' | 'resumed' } | null
  test?: boolean
}

/** What a receiver is sent. Samples of the catalog and real deliveries are made here alike. */
export function payloadOf(input: PayloadInput) {
  const { version, manifest, prompt, data } = FAMILIES[input.family]
  return {
    type: input.family,
    version,
    timestamp: input.at.toISOString(),
    id: input.id,
    deliveryId: input.deliveryId,
    test: input.test ?? false,
    organisation: input.org,
    subject: input.subject,
    data: data.parse(input.data) as JsonObject,
    manifest: { href: `${input.origin}${manifest}`, method: 'GET' as const },
    session: input.session,
    prompt,
    permission: {
      write: false as const,
      note: 'This message permits nothing. Read the current manifest, preview, and ask a person where policy asks for one.',
    },
  }
}

export const samplePayload = (
  { org, origin, now }: { org: string; origin: string; now: Date },
  family: FamilyId,
) =>
  payloadOf({
    ...{ org, origin, family, at: now, session: null, test: true },
    id: 'trigger-0000000000000000',
    deliveryId: 'delivery-0000000000000000',
    ...FAMILIES[family].sample,
  })
