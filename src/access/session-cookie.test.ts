import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sessionToken } from './session-cookie.ts'

const SECRET = 'a secret of the deployment'
const sign = (token: string, secret = SECRET): string =>
  encodeURIComponent(`${token}.${createHmac('sha256', secret).update(token).digest('base64')}`)

describe('[X-24] sessionToken', () => {
  it('reads our cookie among others, with and without the prefix of https', () => {
    expect(sessionToken(`theme=dark; countersign.session_token=${sign('abc')}; x=1`, SECRET)).toBe('abc')
    expect(sessionToken(`__Secure-countersign.session_token=${sign('abc')}`, SECRET)).toBe('abc')
  })

  it.each([
    ['no cookie', undefined],
    ['another cookie', `other=${sign('abc')}`],
    ['no signature', 'countersign.session_token=abc'],
    ['an empty signature', 'countersign.session_token=abc.'],
    ['a foreign signature', `countersign.session_token=${sign('abc', 'another secret')}`],
    ['a changed token', `countersign.session_token=${sign('abc').replace('abc', 'abd')}`],
    ['a broken escape', 'countersign.session_token=%E0%A4%A'],
    ['a huge value', `countersign.session_token=${sign('a'.repeat(10_000))}`],
  ])('takes %s for no session', (_, header) => expect(sessionToken(header, SECRET)).toBeUndefined())
})
