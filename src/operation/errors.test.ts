import { STATUS_CODES } from 'node:http'
import { describe, expect, test } from 'vitest'
import { OPERATIONS } from '../operations.ts'
import { asProblem, ERRORS, type ErrorCode, fail, Problem } from './errors.ts'

const codes = Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][]

describe('errors', () => {
  test.each(codes)('[K-30] %s has a real status and says what to do', (code, { status, nextAction }) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(STATUS_CODES[status]).toBeDefined()
    expect(status).toBeGreaterThanOrEqual(400)
    expect(nextAction).toMatch(/^[A-Z].{15,}\.$/)
  })

  test('[K-30] what may be tried again unchanged is what the moment refused, not what the request was', () => {
    const retryable = codes.filter(([, kind]) => kind.retryable).map(([code]) => code)
    expect(retryable.sort()).toEqual([
      'idempotency-in-flight',
      'internal',
      'rate-limited',
      'request-timeout',
      'unavailable',
    ])
  })

  test('[K-30] the list is closed: operations name codes of it, and each once', () => {
    for (const { id, errors } of OPERATIONS) {
      expect(new Set(errors).size, id).toBe(errors.length)
      for (const code of errors) expect(ERRORS, id).toHaveProperty(code)
    }
    // @ts-expect-error a code that is not in the list
    expect(() => fail('something-new', 'x').toString()).toThrow()
  })

  test('[K-31] a problem has the members of RFC 9457 and of the agent contracts', () => {
    const body = new Problem('stale', {
      detail: 'It moved.',
      extra: { plan: 1 },
      errors: [{ pointer: '/a', message: 'b' }],
    }).toBody()
    expect(body).toEqual({
      type: '/problems/stale',
      title: 'Precondition Failed',
      status: 412,
      detail: 'It moved.',
      error: 'It moved.',
      code: 'stale',
      retryable: false,
      nextAction: ERRORS.stale.nextAction,
      errors: [{ pointer: '/a', message: 'b' }],
      plan: 1,
    })
  })

  test('[K-31] an extension cannot pose as a member', () => {
    const body = new Problem('stale', {
      detail: 'd',
      extra: { status: 200, code: 'ok', retryable: true },
    }).toBody()
    expect(body).toMatchObject({ status: 412, code: 'stale', retryable: false })
  })

  test.each([[new Error('password=canary')], ['canary'], [undefined], [{ code: 'canary' }]])(
    '[K-32] anything else thrown becomes internal and says nothing of its cause',
    (thrown) => {
      const problem = asProblem(thrown)
      expect(problem.code).toBe('internal')
      expect(JSON.stringify(problem.toBody())).not.toContain('canary')
    },
  )
})
