import type { JobRow } from './store.ts'

/** Which side of a sync the caller's organisation is; undefined: neither, so that it has nothing to say in it. */
export function directionOf(org: string, source: string, target: string): 'push' | 'pull' | undefined {
  if (source === target) return undefined
  if (source === org) return 'push'
  return target === org ? 'pull' : undefined
}

/** The organisation of a job that is not the caller's; undefined where there is none. */
export const otherOrg = ({ org, sourceOrg, targetOrg }: Pick<JobRow, 'org' | 'sourceOrg' | 'targetOrg'>) =>
  targetOrg !== org ? targetOrg : sourceOrg !== null && sourceOrg !== org ? sourceOrg : undefined

/** Why the plan of a job cannot be applied now; undefined: it can. */
export function applyBarrier(
  {
    stage,
    status,
    dryRun,
    planDigest,
    id,
  }: Pick<JobRow, 'stage' | 'status' | 'dryRun' | 'planDigest' | 'id'>,
  digest: string,
): { code: 'conflict' | 'plan-changed'; message: string } | undefined {
  if (planDigest === null || stage === 'planning')
    return { code: 'conflict', message: `The job ${id} has no plan ${stage === 'planning' ? 'yet' : ''}.` }
  if (stage === 'running') return { code: 'conflict', message: `The job ${id} is being applied already.` }
  if (stage === 'ended' && !(dryRun && status === 'succeeded'))
    return {
      code: 'conflict',
      message: `The job ${id} is ${status}: only a dry run or a waiting job is applied.`,
    }
  if (planDigest !== digest)
    return { code: 'plan-changed', message: `The plan of the job ${id} has the digest ${planDigest}.` }
  return undefined
}
