import { expect, test } from 'vitest'
import { createSealing } from '../operation/sealing.ts'
import { signaturesOf } from './send.ts'

const sealing = createSealing('a secret of this test that is long enough')
// of the reference libraries of Standard Webhooks
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const message = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  at: new Date(1_614_265_330_000),
  body: '{"test": 2432232314}',
}
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

test('[TR-2] a signature is that of the known test vector, and the first of two while a secret is replaced', () => {
  const secret = sealing.seal(SECRET)
  const once = { secret, previousSecret: null, previousUntil: null }
  expect(signaturesOf({ sealing }, once, message)).toBe(SIGNATURE)
  const other = sealing.seal('whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI=')
  const until = new Date(message.at.getTime() + 1)
  const both = signaturesOf({ sealing }, { secret, previousSecret: other, previousUntil: until }, message)
  expect(both.split(' ')).toEqual([SIGNATURE, expect.stringMatching(/^v1,/)])
  const over = signaturesOf(
    { sealing },
    { secret, previousSecret: other, previousUntil: message.at },
    message,
  )
  expect(over).toBe(SIGNATURE)
})
