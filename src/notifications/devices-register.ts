import { z } from 'zod'
import { record } from '../operation/define.ts'
import { secret } from '../operation/redact.ts'
import { newId } from '../sessions/rules.ts'
import { DeviceSchema, presentDevice } from './devices/present.ts'
import { dropOldDevices, PLATFORMS, putDevice } from './devices/store.ts'
import { OWN } from './schema.ts'

/** More than anybody carries; each reinstallation of an app leaves one behind. */
const MOST_DEVICES = 20

/** APNs' tokens are hexadecimal, of no fixed length; FCM's are base64url with colons. */
const FORMS = { apns: /^(?:[0-9a-f]{2}){16,200}$/i, fcm: /^[\w:-]{20,1000}$/ }

export const devicesRegister = record({
  id: 'notifications.devices.register',
  tool: 'notifications_device_register',
  surface: 'notifications',
  summary: 'Register a device of the signed-in person for pushes, or renew its registration.',
  boundaries: [
    'The token is kept sealed, and never shown, logged or audited.',
    'Pushes go out for confirmed subscriptions only; a token that its provider has retired is forgotten.',
    'An account has at most 20 devices; those registered longest ago make room.',
  ],
  http: { method: 'POST', path: '/api/notifications/devices' },
  access: OWN,
  input: z
    .strictObject({
      platform: z.enum(PLATFORMS),
      token: secret(z.string().min(20).max(1000)).describe('The device token that the platform gave the app'),
      name: z.string().trim().min(1).max(80).optional().describe('How its owner knows the device'),
    })
    .refine(({ platform, token }) => FORMS[platform].test(token), {
      path: ['token'],
      message: 'must be a device token of the platform',
    }),
  output: z.object({ ok: z.literal(true), device: DeviceSchema }),
  errors: ['unauthenticated', 'forbidden', 'idempotency-mismatch'],
  status: 201,
  audit: {
    event: 'push_device_registered',
    target: (_input, { device }) => ({ kind: 'push-device', id: device.id }),
  },
  async run({ db, org, principal, now, deps }, { platform, token, name }) {
    const userId = principal.userId ?? ''
    // Apple's are the same in upper and lower case
    const text = platform === 'apns' ? token.toLowerCase() : token
    const device = await putDevice(db, org, {
      ...{ id: newId('device'), userId, platform, name: name ?? null, now },
      token: deps.sealing.seal(text),
      tokenHash: deps.sealing.hash(`push ${platform} ${text}`),
    })
    await dropOldDevices(db, org, userId, MOST_DEVICES)
    return { ok: true as const, device: presentDevice(device) }
  },
})
