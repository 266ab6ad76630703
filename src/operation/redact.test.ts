import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { OPERATIONS } from '../operations.ts'
import { joinSecrets, secret, secretPointers, splitSecrets } from './redact.ts'

const SCHEMA = z.strictObject({
  title: z.string(),
  streamUrl: secret(z.string()).nullable().optional(),
  token: secret(z.string()).default('none'),
  target: z
    .strictObject({ url: z.string(), auth: secret(z.strictObject({ user: z.string() })).optional() })
    .optional(),
})

describe('secrets in inputs', () => {
  test('[K-23] are found below optional, nullable, default and nested objects', () => {
    expect(secretPointers(SCHEMA)).toEqual(['/streamUrl', '/token', '/target/auth'])
  })

  test('[K-23] what is split joins to the same, and what may be stored holds none of them', () => {
    const canary = fc.string().map((text) => `canary-${text}`)
    const input = fc.record(
      {
        title: fc.string(),
        streamUrl: fc.option(canary),
        token: canary,
        target: fc.record({ url: fc.string(), auth: fc.record({ user: canary }) }, { requiredKeys: ['url'] }),
      },
      { requiredKeys: ['title'] },
    )
    fc.assert(
      fc.property(input, (value) => {
        const before = structuredClone(value)
        const { visible, secrets } = splitSecrets(secretPointers(SCHEMA), value as Record<string, unknown>)
        expect(value).toEqual(before)
        const { title, ...rest } = visible
        expect(JSON.stringify(rest).includes('canary-')).toBe(false)
        expect(title).toBe(value.title)
        expect(joinSecrets(visible, secrets)).toEqual(value)
      }),
    )
  })

  test('[K-23] null is no secret: it says that the value is cleared, and stays visible', () => {
    expect(splitSecrets(secretPointers(SCHEMA), { title: 't', streamUrl: null })).toEqual({
      visible: { title: 't', streamUrl: null },
      secrets: {},
    })
  })

  test('[K-24] every field of the operations that carries provider values is marked', () => {
    const marked = [
      'streamUrl',
      'streamLiveInputId',
      'streamVideoId',
      'streamCustomerCode',
      'streamPlaybackUrl',
      'replayVideoId',
      'replayUrl',
    ]
    const found = OPERATIONS.filter(({ input }) => 'streamUrl' in input.shape)
    expect(found.length).toBeGreaterThanOrEqual(3)
    for (const { input } of found)
      expect(secretPointers(input).sort()).toEqual(marked.map((field) => `/${field}`).sort())
  })
})
