import { z } from 'zod'
import { BaseUrl } from './mapping.ts'

export { RestMapping } from './mapping.ts'

/** Another Countersign: where it is. The credential is given apart. */
export const CountersignSettings = z.strictObject({
  base_url: BaseUrl,
  requests_per_second: z.number().min(0.01).max(1000).optional(),
})
