import type { z } from 'zod'
import type { Context } from '../operation/define.ts'
import type { SyncJobDefinition } from './engine/definition.ts'
import { describedJob } from './present.ts'
import type { SyncJobCore } from './schema.ts'
import type { Simulation } from './simulation.ts'

/** The contract’s sample job: what is declared of the job, and what the simulation came to. */
export const sampleJob = (
  ctx: Context,
  definition: SyncJobDefinition,
  { cursor, checkpoint, stats }: Simulation,
): z.input<typeof SyncJobCore> & { sample: true } => ({
  ...describedJob(ctx, definition),
  sample: true,
  status: 'idle',
  // its pages are no whole scan
  cursor: { kind: 'opaque-compound', ...cursor, terminal: false },
  checkpoint,
  stats,
  errors: [],
})
