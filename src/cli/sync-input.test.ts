import { expect, test } from 'vitest'
import { Problem } from '../operation/errors.ts'
import { agreed, choice, otherToken, selected } from './sync-input.ts'
import type { Job } from './sync-job.ts'
import { tokenField } from './sync-run.ts'

test('[CLI-8] a configuration is type/id or type:id, the id as it is', () => {
  expect(selected('flow/a/b:c#d')).toEqual({ type: 'flow', id: 'a/b:c#d' })
  expect(selected('form:x/y')).toEqual({ type: 'form', id: 'x/y' })
  for (const wrong of ['flow', 'flow/', '/id', 'Flow/id', '']) expect(() => selected(wrong)).toThrow(Problem)
})

test('[CLI-8] a choice names a place, or the whole document', () => {
  expect(choice('flow/a#b#/x/=y=source')).toEqual({
    type: 'flow',
    id: 'a#b',
    pointer: '/x/=y',
    choice: 'source',
  })
  expect(choice('flow:a#=target')).toEqual({ type: 'flow', id: 'a', pointer: '', choice: 'target' })
  for (const wrong of ['flow/a', 'flow/a#x=source', 'flow/a#/x=both', 'a#/x=source'])
    expect(() => choice(wrong)).toThrow(Problem)
})

test('[CLI-11] a token comes from where it was said, else from the variable that is known', async () => {
  const env = { COUNTERSIGN_OTHER_TOKEN: 'known', MINE: 'mine', EMPTY: '' }
  expect(await otherToken({}, env)).toBe('known')
  expect(await otherToken({ tokenEnv: 'MINE' }, env)).toBe('mine')
  expect(await otherToken({}, { COUNTERSIGN_OTHER_TOKEN: '' })).toBeUndefined()
  await expect(otherToken({ tokenEnv: 'EMPTY' }, env)).rejects.toThrow(Problem)
  await expect(otherToken({ tokenFile: '/no/such/file' }, env)).rejects.toThrow(Problem)
})

test('[CLI-11] a job that follows another one takes the token only as what it needs', () => {
  const of = (kind: Job['kind'], direction: Job['direction']) =>
    (['apply', 'retry', 'rollback'] as const).map((step) => tokenField({ kind, direction } as Job, step))
  expect(of('sync', 'push')).toEqual(['target_auth_token', 'target_auth_token', 'target_auth_token'])
  expect(of('sync', 'pull')).toEqual([undefined, 'source_auth_token', undefined])
  expect(of('rollback', 'pull')).toEqual([undefined, undefined, undefined])
  expect(of('restore', 'push')).toEqual([undefined, undefined, undefined])
  expect(of('delete', 'push')).toEqual([undefined, undefined, undefined])
})

test('[CLI-12] where nobody can be asked, nothing is agreed to', async () => {
  expect(await agreed('Go on?', true, true)).toBe(true)
  await expect(agreed('Go on?', undefined, true)).rejects.toThrow('--yes')
})
