import { z } from 'zod'
import { presentPreview } from '../live/present-preview.ts'
import { PreviewOutput } from '../live/schema.ts'
import { preview } from '../operation/define.ts'
import { findingsJudge, judgementFields } from './findings-judge.ts'
import { FINDINGS, JUDGES_FINDINGS } from './findings-schema.ts'

export const findingsJudgePreview = preview({
  id: 'sync-jobs.findings.judge-preview',
  tool: 'agent_sync_jobs_findings_judge_preview',
  surface: 'sync-jobs',
  summary: 'Preview saying of a finding that it is as it should be, or taking that back.',
  boundaries: ['Stores nothing.'],
  http: { method: 'POST', path: `${FINDINGS}/{fingerprint}` },
  access: JUDGES_FINDINGS,
  input: z.strictObject({ action: z.literal('preview_finding_judgement'), ...judgementFields }),
  output: PreviewOutput,
  errors: ['not-found', 'stale', 'conflict', 'validation-failed'],
  audit: {
    none: 'A preview changes nothing.',
    attribution: 'Not recorded; the write that follows is, with its preview’s digest.',
  },
  of: ({ action: _action, ...input }) => ({ write: findingsJudge, input }),
  present: (_ctx, plan) =>
    presentPreview('agent-sync-finding-preview.v1', plan, findingsJudge, 'sync_finding_judge'),
})
