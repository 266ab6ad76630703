import { z } from 'zod'
import type { Context } from '../../operation/define.ts'
import { fail } from '../../operation/errors.ts'
import { secret } from '../../operation/redact.ts'

/** Of this server or another: ids of organisations elsewhere have their own form. */
export const SourceOrg = z.string().min(1).max(200).describe('The organisation that configurations came from')

export const SourceToken = secret(z.string().min(1).max(4096)).describe(
  'A token of the source organisation: verified before anything of it is read, and kept nowhere',
)

/** Errors: `validation-failed` for the caller's own organisation, which is nobody's source but others'. */
export function requireOther(ctx: Context, sourceOrg: string): void {
  if (sourceOrg !== ctx.org) return
  fail('validation-failed', {
    detail: 'An organisation is not its own source.',
    errors: [{ pointer: '/source_org_id', message: 'must be another organisation' }],
  })
}
