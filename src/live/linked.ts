import type { Context } from '../operation/define.ts'
import { type LinkedEvent, listLinked } from './store.ts'

export type { LinkedEvent }

/** Scheduled and live events that lead to a community channel: as long as they do, the channel stays active. */
export const linkedEvents = (ctx: Pick<Context, 'db' | 'org'>): Promise<LinkedEvent[]> =>
  listLinked(ctx.db, ctx.org, ['scheduled', 'live'])
