import type { Queryable } from '../db/pool.ts'
import { enqueue } from '../jobs/send.ts'
import { newId } from '../sessions/rules.ts'
import { FAMILIES, type FamilyId, type TriggerSubject } from './families.ts'
import { insertEventIfAsked } from './store.ts'

export const FAN_OUT = 'workflow-triggers.fan-out'

/**
 * Tells whoever subscribed to the family that something happened, if and only if the caller's transaction commits.
 * `data` holds references, and only the members that the family names; `title` is what everybody with the family's
 * scope may read. Answers the event's id; undefined where no active subscription asks for the family: then one indexed
 * look was all. Throws when data is not of the family.
 */
export async function emitTrigger(
  tx: Queryable,
  event: { org: string; family: FamilyId; subject: TriggerSubject; data: object; at: Date },
): Promise<string | undefined> {
  const { org, family, at } = event
  const { kind, id: about, title } = event.subject
  const data = FAMILIES[family].data.parse(event.data)
  const id = newId('trigger')
  const subject = { kind, id: about, title: title.slice(0, 200) }
  if (!(await insertEventIfAsked(tx, org, { id, family, subject, data, at }))) return undefined
  await enqueue(tx, FAN_OUT, { org, id })
  return id
}
