import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Job } from './sync-job.ts'
import { type Change, type Plan, planLines, type Row } from './sync-plan.ts'

const DIGEST = 'd'.repeat(64)
const job = { id: 'job-1', kind: 'sync', direction: 'push', source_org_id: 'a', target_org_id: 'b' } as Job

const row = (seq: number, more: Partial<Row>): Row => ({
  ...{ seq, type: 'flow', source_id: `f-${seq}`, title: `f-${seq}`, action: 'patch', level: 0 },
  ...{ references: [], changes: [], warnings: [], may_duplicate: false, ...more },
})
const change = (pointer: string, more: Partial<Change> = {}): Change => ({
  ...{ pointer, change: 'changed', state: 'source_changed', ...more },
})

function planOf(results: Row[], summary: Partial<Plan['summary']> = {}): Plan {
  const count = (action: Row['action']) => results.filter((each) => each.action === action).length
  return {
    digest: DIGEST,
    results,
    summary: {
      ...{ create: count('create'), patch: count('patch'), delete: count('delete') },
      ...{ unchanged: count('none'), refused: count('refused'), requests: 0, completed: 0, at_least: 0 },
      ...{ exact: true, may_duplicate: 0, warned: 0, ...summary },
    },
  }
}

test('[CLI-8] a plan is a tree of types, configurations and their changes, with what it amounts to', () => {
  const rows = [
    row(0, {
      ...{ title: 'First', target_id: 'there', matched_by: 'natural_key', references: [1, 2, 9] },
      changes: [
        change('/name', { before: 'Old', after: 'New' }),
        change('/note', { change: 'added', after: { deep: [1] } }),
        change('/gone', { change: 'removed', before: null }),
        change('/steps/2', { change: 'moved', after: 0 }),
        change('/token', { change: 'changed', secret: true }),
        change('/text', { before: 'theirs', after: 'ours', state: 'conflict' }),
      ],
      warnings: ['It has seen better days.'],
    }),
    row(1, {
      type: 'form',
      source_id: 'new',
      title: 'New',
      action: 'create',
      references: [0],
      may_duplicate: true,
    }),
    row(2, { source_id: 'old', title: 'old', action: 'delete' }),
    row(3, { source_id: 'same', action: 'none' }),
    row(4, {
      ...{ source_id: 'open', title: 'open', action: 'refused' },
      changes: [
        change('/a', { before: 1, after: 2, state: 'conflict' }),
        change('/key', { secret: true, state: 'conflict' }),
      ],
      refusal: { code: 'conflict', message: 'Both sides changed /a, /key.', among: ['/a', '/key'] },
    }),
  ]
  const told = planLines(
    job,
    planOf(rows, { requests: 4, completed: 1, at_least: 1, may_duplicate: 1, warned: 1 }),
    {
      apply: 'apply it: so',
    },
  )
  expect(told).toEqual([
    'job-1  push a → b',
    '',
    'flow (1 to change, 1 to delete, 1 refused)',
    '├─ ~ f-0  First (there there, found by natural_key)',
    '│    ~ /name "Old" → "New"',
    '│    + /note {"deep":[1]}',
    '│    - /gone null',
    '│    ↕ /steps/2 moved to place 0',
    '│    * /token secret changed',
    '│    ~ /text "theirs" → "ours" (both sides changed it)',
    '│    → form/new, flow/old, 1 unchanged',
    '│    warning: It has seen better days.',
    '├─ - old',
    '└─ ! open',
    '     refused (conflict): Both sides changed /a, /key.',
    '     ≠ /a target 1, source 2',
    '     ≠ /key secret of both sides',
    "     do: choose a side with --choose 'flow/open#/a=source' (or =target), or for all with --conflicts",
    'form (1 to create)',
    '└─ + new  New',
    '     → flow/f-0',
    '     warning: may be created twice when an answer is lost',
    '',
    'circle: flow/f-0, form/new',
    '1 to create, 1 to change, 1 to delete, 1 unchanged, 1 refused',
    '4 writes, 1 of them to close circles of references (the fewest possible)',
    '1 creation may happen twice when an answer is lost',
    '1 configuration has warnings',
    'what is refused stays as it is at the target',
    `digest: ${DIGEST}`,
    'apply it: so',
  ])
})

test('[CLI-8] what is unchanged and long values are shown as a whole only when told', () => {
  const long = 'x'.repeat(500)
  const many = Array.from({ length: 20 }, (_, seq) => row(seq + 2, { action: 'none' }))
  const first = row(0, {
    changes: [change('', { change: 'added', after: long })],
    references: many.map(({ seq }) => seq),
  })
  const plan = planOf([first, row(1, { action: 'none' }), ...many])
  const brief = planLines(job, plan)
  expect(brief.every((line) => line.length < 120)).toBe(true)
  expect(brief).toContain(`     + / "${'x'.repeat(70)}…`)
  expect(brief.join('\n')).toContain('flow/f-7 and 14 more')
  const whole = planLines(job, plan, { whole: true })
  expect(whole).toContain(`│    + / "${long}"`)
  expect(whole).toContain('├─ = f-1')
  expect(whole.join('\n')).toContain('flow/f-21')
})

test('[CLI-8] an empty plan and one that may not have the fewest writes say so', () => {
  expect(planLines(job, planOf([]))).toEqual([
    'job-1  push a → b',
    '',
    '0 to create, 0 to change, 0 to delete, 0 unchanged, 0 refused',
    '0 writes',
    `digest: ${DIGEST}`,
  ])
  expect(planLines(job, planOf([], { requests: 9, completed: 5, at_least: 3, exact: false }))).toContain(
    '9 writes, 5 of them to close circles of references (at least 3 are needed)',
  )
})

test.each([
  'source-missing',
  'ambiguous-match',
  'conflict',
  'required-circle',
  'required-missing',
  'not-writable',
  'protected',
  'still-needed',
  'changed-since',
  'of-another-release',
])('[CLI-8] a row that is refused as %s says what to do', (code) => {
  const told = planLines(job, planOf([row(0, { action: 'refused', refusal: { code, message: 'No.' } })]))
  expect(told.join('\n')).toMatch(new RegExp(`refused \\(${code}\\): No\\.\\n.* do: \\w{3}`))
})

test('[CLI-13] whatever names and values are, each line is one line and controls no terminal', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('\u001b[2J\u001b]0;x\u0007', 'a\nb', '\u202eevil', '\u009b31m', '\u2028'),
  )
  fc.assert(
    fc.property(text, text, text, text, fc.boolean(), (id, title, pointer, value, whole) => {
      const rows = [
        row(0, {
          ...{ source_id: id, title, target_id: title, action: 'refused', references: [1] },
          changes: [change(pointer, { before: value, after: [value] })],
          ...{ warnings: [value], refusal: { code: 'conflict', message: value } },
        }),
        row(1, { source_id: title, references: [0] }),
      ]
      for (const line of planLines({ ...job, name: title }, planOf(rows), { whole }))
        expect(line).not.toMatch(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u)
    }),
  )
})
