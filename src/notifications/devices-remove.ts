import { z } from 'zod'
import { record } from '../operation/define.ts'
import { fail } from '../operation/errors.ts'
import { removeDevice } from './devices/store.ts'
import { Id, OWN } from './schema.ts'

export const devicesRemove = record({
  id: 'notifications.devices.remove',
  tool: 'notifications_device_remove',
  surface: 'notifications',
  summary: 'Forget an own device: nothing is pushed to it any more.',
  boundaries: ['Removes the caller’s own alone; anybody else’s is not found.'],
  http: { method: 'DELETE', path: '/api/notifications/devices/{deviceId}' },
  access: OWN,
  input: z.strictObject({ deviceId: Id }),
  output: z.object({ ok: z.literal(true), removed: z.literal(true) }),
  errors: ['not-found', 'unauthenticated', 'forbidden', 'idempotency-mismatch'],
  audit: {
    event: 'push_device_removed',
    target: ({ deviceId }) => ({ kind: 'push-device', id: deviceId }),
  },
  async run({ db, org, principal }, { deviceId }) {
    if (!(await removeDevice(db, org, principal.userId ?? '', deviceId)))
      fail('not-found', `You have no device ${deviceId}.`)
    return { ok: true as const, removed: true as const }
  },
})
