import { expect, test } from 'vitest'
import { ConfigError } from '../config.ts'
import { Problem } from '../operation/errors.ts'
import { EXIT, endingOf, Refused, Stopped, Unreachable, usageEnding } from './exit.ts'

test('[CLI-2] each way to end has a code of its own, and one object for --json', () => {
  const refusal = { code: 'not-found', detail: 'There is none.', nextAction: 'Look elsewhere.' }
  const endings = [
    endingOf(new Refused(refusal)),
    endingOf(new Problem('not-found', { detail: 'There is none.' })),
    usageEnding('a command is missing'),
    endingOf(new ConfigError(['PORT: must be a number'])),
    endingOf(new Unreachable('http://127.0.0.1:1', undefined)),
    endingOf(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })),
    endingOf(new Error('what nobody expected')),
    endingOf(new Stopped('job-1')),
  ]
  expect(endings.map(({ code, body }) => [code, body.ok, body.code])).toEqual([
    [EXIT.refused, false, 'not-found'],
    [EXIT.refused, false, 'not-found'],
    [EXIT.usage, false, 'usage'],
    [EXIT.configuration, false, 'configuration'],
    [EXIT.unreachable, false, 'unreachable'],
    [EXIT.unreachable, false, 'unreachable'],
    [EXIT.defect, false, 'internal'],
    [EXIT.stopped, false, 'stopped'],
  ])
  expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length)
})
