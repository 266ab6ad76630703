import { z } from 'zod'
import { type Device, PLATFORMS } from './store.ts'

/** A device without its token, which nobody is ever shown. */
export const DeviceSchema = z.object({
  id: z.string(),
  platform: z.enum(PLATFORMS),
  name: z.string().nullable(),
  token: z.literal('set'),
  createdAt: z.string(),
  registeredAt: z.string(),
})

export const presentDevice = ({
  id,
  platform,
  name,
  createdAt,
  registeredAt,
}: Device): z.input<typeof DeviceSchema> => ({
  ...{ id, platform, name, token: 'set' },
  createdAt: createdAt.toISOString(),
  registeredAt: registeredAt.toISOString(),
})
