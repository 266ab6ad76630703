import { z } from 'zod'
import { READS } from '../config-hub/schema.ts'
import { read } from '../operation/define.ts'
import { presentSchedule } from './snapshots/present.ts'
import { listSchedules } from './snapshots/schedules.ts'
import { Schedule } from './snapshots/schema.ts'

export const schedulesList = read({
  id: 'config-sync.schedules.list',
  tool: 'config_sync_schedules_list',
  surface: 'configuration-hub',
  summary: 'List the schedules by which snapshots are taken.',
  boundaries: ['At most 20 an organisation, so there are no pages.'],
  http: { method: 'GET', path: '/v1/configs/snapshot-schedules' },
  access: READS,
  input: z.strictObject({}),
  output: z.object({ results: z.array(Schedule) }),
  errors: [],
  audit: { none: 'A read changes nothing.' },
  run: async ({ db, org }) => ({ results: (await listSchedules(db, org)).map(presentSchedule) }),
})
