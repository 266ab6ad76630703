import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { write } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { deleteSchedule, findSchedule } from './snapshots/schedules.ts'
import { ScheduleId } from './snapshots/schema.ts'

export const schedulesRemove = write({
  id: 'config-sync.schedules.remove',
  tool: 'config_sync_schedules_remove',
  surface: 'configuration-hub',
  summary: 'Take no more snapshots by a schedule.',
  boundaries: ['The snapshots that it made stay.'],
  http: { method: 'DELETE', path: '/v1/configs/snapshot-schedules/{id}' },
  access: WRITES,
  input: z.strictObject({
    id: ScheduleId,
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: z.object({ deleted: z.literal(true) }),
  errors: ['not-found'],
  confirmation: {
    kind: 'config-change',
    reason: 'No further snapshots are taken.',
    contractId: 'configuration.sync',
    action: 'configuration.schedules.remove',
    envelope: false,
  },
  audit: {
    event: 'configuration_snapshot_schedule_remove',
    record: 'config_snapshot_schedules',
    attribution: 'The schedule that there was, with who removed it.',
  },
  async preview(ctx, { id }) {
    const row = (await findSchedule(ctx.db, ctx.org, id)) ?? fail('not-found', `There is no schedule ${id}.`)
    const { name, everyHours, keep } = row
    return {
      target: { kind: 'configuration-snapshot-schedule', id, title: `the schedule ${name}` },
      targetSummary: `Take no more snapshots by ${name}.`,
      observed: [],
      arguments: { id, everyHours, keep },
      changes: [
        { op: 'delete' as const, pointer: '', label: name, before: { everyHours, keep }, after: null },
      ],
      affectedSurfaces: ['configuration-hub'],
      confirmationText: `I confirm removing the schedule ${name}.`,
      subject: { name, everyHours, keep },
    }
  },
  async apply(ctx, _plan, { id }, previous) {
    await deleteSchedule(ctx.db, ctx.org, id)
    return { output: { deleted: true as const }, previous, next: { id } }
  },
})
