import type { PlanChange } from '../../operation/plan.ts'
import type { JobRow, PlanRowShown } from './store.ts'

/** What a job does, in words that stand in a sentence. */
export function titleOf({ kind, name, plan, sourceOrg, targetOrg, ofJob }: JobRow): string {
  const called = name === null ? '' : ` “${name}”`
  const what = {
    sync: `the promotion${called} from ${sourceOrg} to ${targetOrg}`,
    restore: `the restoration${called} of ${targetOrg}`,
    rollback: `the rollback of ${ofJob ?? 'a job'} in ${targetOrg}`,
    delete: `the deletion${called} in ${targetOrg}`,
  }[kind]
  if (!plan) return what
  const { create, patch, delete: gone } = plan.rows
  return `${what} (${create} created, ${patch} changed, ${gone} deleted)`
}

const OPS = { create: 'create', patch: 'update', delete: 'delete' } as const

/** A plan's rows as changes that people approve: each place that changes, and what is created or deleted as a whole. */
export function changesOf(rows: readonly PlanRowShown[]): PlanChange[] {
  return rows.flatMap((row): PlanChange[] => {
    const { action } = row
    if (action === 'none' || action === 'refused') return []
    const target = `${row.type} ${row.targetId ?? row.sourceId}`
    const label = row.title ?? row.sourceId
    if (action !== 'patch') {
      const [before, after] = action === 'create' ? [null, label] : [label, null]
      return [{ target, op: OPS[action], pointer: '', label, before, after }]
    }
    return row.changes.map(({ pointer, before, after, secret }) => ({
      ...{ target, op: OPS[action], pointer, label: `${label} ${pointer}` },
      before: secret ? 'secret' : ((before ?? null) as PlanChange['before']),
      after: secret ? 'secret' : ((after ?? null) as PlanChange['after']),
    }))
  })
}
