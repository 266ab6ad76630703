import { z } from 'zod'
import { read } from '../operation/define.ts'
import { DeviceSchema, presentDevice } from './devices/present.ts'
import { listDevices } from './devices/store.ts'
import { OWN } from './schema.ts'

export const devicesList = read({
  id: 'notifications.devices.list',
  tool: 'notifications_devices_list',
  surface: 'notifications',
  summary: 'List the own devices that pushes go to.',
  boundaries: ['Shows the caller’s own alone, without their tokens.'],
  http: { method: 'GET', path: '/api/notifications/devices' },
  access: OWN,
  input: z.strictObject({}),
  output: z.object({ ok: z.literal(true), devices: z.array(DeviceSchema) }),
  errors: ['unauthenticated', 'forbidden'],
  audit: { none: 'A read changes nothing.' },
  async run({ db, org, principal }) {
    const devices = await listDevices(db, org, principal.userId ?? '')
    return { ok: true as const, devices: devices.map(presentDevice) }
  },
})
