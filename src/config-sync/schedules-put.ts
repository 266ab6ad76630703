import { z } from 'zod'
import { WRITES } from '../config-hub/schema.ts'
import { registryOf, requireType } from '../config-hub/types/registry.ts'
import { write } from '../operation/define.ts'
import type { PlanChange } from '../operation/plan.ts'
import { presentSchedule } from './snapshots/present.ts'
import { listSchedules, putSchedule, type ScheduleRow } from './snapshots/schedules.ts'
import { Name, Schedule, ScheduleId, Selection } from './snapshots/schema.ts'

const MOST_SCHEDULES = 20

export const schedulesPut = write({
  id: 'config-sync.schedules.put',
  tool: 'config_sync_schedules_put',
  surface: 'configuration-hub',
  summary: 'Take snapshots by the clock, keeping the newest.',
  boundaries: [
    'The first is taken within a minute, the next every_hours later. After a time without any server there is one, not one for each that was missed.',
    'Lowering keep removes older snapshots of the schedule when the next one is ready.',
  ],
  http: { method: 'PUT', path: '/v1/configs/snapshot-schedules/{id}' },
  access: WRITES,
  input: z.strictObject({
    id: ScheduleId,
    name: Name,
    selection: Selection.default({}),
    every_hours: z.int().min(1).max(8760).default(24),
    keep: z.int().min(1).max(1000).default(14).describe('Snapshots of this schedule that stay'),
    dryRun: z.boolean().optional().describe('Answer the plan and change nothing'),
  }),
  output: Schedule,
  errors: ['validation-failed', 'plan-blocked'],
  confirmation: {
    kind: 'config-change',
    reason: 'It decides which snapshots there are to go back to.',
    contractId: 'configuration.sync',
    action: 'configuration.schedules.put',
    envelope: false,
  },
  audit: {
    event: 'configuration_snapshot_schedule_put',
    record: 'config_snapshot_schedules',
    attribution: 'The schedule before and after, with who set it.',
  },
  async preview(ctx, { id, name, selection, every_hours: everyHours, keep }) {
    const registry = await registryOf(ctx.db, ctx.org)
    selection.types?.forEach((type, index) => void requireType(registry, type, `/selection/types/${index}`))
    const all = await listSchedules(ctx.db, ctx.org)
    const before = all.find((each) => each.id === id)
    const next = { name, selection, everyHours, keep }
    const full = !before && all.length >= MOST_SCHEDULES
    return {
      target: { kind: 'configuration-snapshot-schedule', id, title: `the schedule ${name}` },
      targetSummary: `Take a snapshot every ${everyHours} h and keep ${keep}.`,
      observed: [],
      arguments: { id, name, selection: selection as never, everyHours, keep },
      changes: changesOf(before, next),
      affectedSurfaces: ['configuration-hub'],
      blockers: full
        ? [{ code: 'plan-blocked' as const, message: `There are ${MOST_SCHEDULES} schedules already.` }]
        : [],
      confirmationText: `I confirm snapshots every ${everyHours} h, of which ${keep} are kept.`,
      subject: { before, next },
    }
  },
  async apply(ctx, _plan, { id }, { before, next }) {
    const row: ScheduleRow = {
      org: ctx.org,
      id,
      ...next,
      nextAt: before?.everyHours === next.everyHours ? before.nextAt : ctx.now,
      createdAt: before?.createdAt ?? ctx.now,
      createdBy: before?.createdBy ?? ctx.principal.displayName,
    }
    await putSchedule(ctx.db, row)
    const { nextAt: _, ...previous } = before ?? { nextAt: undefined }
    return {
      output: presentSchedule(row),
      previous: before ? (previous as Record<string, unknown>) : null,
      next: { id, ...next },
    }
  },
})

type Settings = Pick<ScheduleRow, 'name' | 'selection' | 'everyHours' | 'keep'>

const changesOf = (before: Settings | undefined, next: Settings): PlanChange[] =>
  (['name', 'selection', 'everyHours', 'keep'] as const)
    .filter((field) => JSON.stringify(before?.[field]) !== JSON.stringify(next[field]))
    .map((field) => ({
      op: before ? 'update' : 'create',
      pointer: `/${field}`,
      label: field,
      before: (before?.[field] ?? null) as PlanChange['before'],
      after: next[field] as PlanChange['after'],
    }))
