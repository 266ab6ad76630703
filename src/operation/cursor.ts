import { z } from 'zod'
import type { Context } from './define.ts'
import { fail } from './errors.ts'
import { canonical, sha256 } from './plan.ts'

/** A list, and the filters it is read with: a cursor of one is of no use in another. */
type Listing = { list: string; filters?: Record<string, unknown> }

const scopeOf = ({ org }: Context, { list, filters = {} }: Listing): string =>
  sha256(canonical([org, list, filters])).slice(0, 16)

/** An opaque, signed cursor for what follows `position` in a list of this organisation. */
export const signCursor = (ctx: Context, listing: Listing, position: readonly unknown[]): string =>
  ctx.deps.sealing.sign([scopeOf(ctx, listing), ...position])

/**
 * The position in a cursor, undefined without one. Errors: `cursor-invalid` for one that is made up, or of another
 * list, other filters or another organisation.
 */
export function readCursor<T extends z.ZodType>(
  ctx: Context,
  listing: Listing,
  cursor: string | undefined,
  form: T,
): z.output<T> | undefined {
  if (cursor === undefined) return undefined
  const payload = z
    .tuple([z.literal(scopeOf(ctx, listing))], z.unknown())
    .safeParse(ctx.deps.sealing.verify(cursor))
  const position = payload.success ? form.safeParse(payload.data.slice(1)) : undefined
  if (position?.success) return position.data
  return fail('cursor-invalid', {
    detail: 'The cursor was not issued by this endpoint for these filters.',
    errors: [
      { pointer: '/cursor', message: 'must be a cursor that this endpoint gave, with the same filters' },
    ],
  })
}
