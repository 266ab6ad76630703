import { z } from 'zod'

export { RestMapping } from './mapping.ts'

/** Another Countersign: where it is. The credential is given apart. */
export const CountersignSettings = z.strictObject({
  base_url: z.url({ protocol: /^https?$/ }).max(500),
  requests_per_second: z.number().positive().max(1000).optional(),
})
