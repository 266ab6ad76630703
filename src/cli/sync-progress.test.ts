import { expect, test } from 'vitest'
import { EXIT, Refused, Stopped, Unreachable } from './exit.ts'
import type { Call } from './remote.ts'
import { exitOf, type Job, type Phase, statusLines } from './sync-job.ts'
import { counter, frame, progressLine, rateOf, type Sample, sampled } from './sync-progress.ts'
import { events, follow, lines, screen, silent } from './sync-watch.ts'

type Counts = Partial<Job['counts']>

function job(counts: Counts, more: Partial<Job> = {}): Job {
  return {
    ...{ id: 'job-1', kind: 'sync', status: 'in_progress', stage: 'running', direction: 'push' },
    ...{ source_org_id: 'a', target_org_id: 'b', started_at: '2026-01-01T00:00:00.000Z' },
    counts: { total: 0, pending: 0, in_progress: 0, failed: 0, ...counts } as Job['counts'],
    ...more,
  }
}
const plan = (more: Partial<NonNullable<Job['plan']>>): NonNullable<Job['plan']> => ({
  ...{ create: 0, patch: 0, delete: 0, unchanged: 0, refused: 0, requests: 0, completed: 0 },
  ...{ at_least: 0, exact: true, may_duplicate: 0, warned: 0, ...more },
})
const ended = (status: Job['status'], more: Partial<Job> = {}) => job({}, { stage: 'ended', status, ...more })

test('[CLI-9] a job that ended in part, waits, or is a plan with holes has an exit code of its own', () => {
  expect([
    exitOf(ended('succeeded')),
    exitOf(job({})),
    exitOf(ended('failed')),
    exitOf(ended('cancelled')),
    exitOf(ended('partial')),
    exitOf(job({}, { stage: 'waiting', status: 'pending' })),
    exitOf(ended('succeeded', { dry_run: true, plan: plan({ refused: 1 }) })),
    exitOf(ended('succeeded', { dry_run: true, plan: plan({ create: 1 }) })),
  ]).toEqual([0, 0, 1, 1, EXIT.partial, EXIT.waiting, EXIT.holes, 0])
})

test('[CLI-10] the rate is that of the last ten seconds, and says when it will have ended', () => {
  let samples: Sample[] = []
  const at = (second: number, pending: number) => {
    samples = sampled(samples, job({ total: 1000, pending }), second * 1000)
  }
  at(0, 1000)
  expect(rateOf(samples)).toBeUndefined()
  for (let second = 1; second <= 20; second++) at(second, 1000 - 5 * second)
  expect(rateOf(samples)).toBeCloseTo(5)
  for (let second = 21; second <= 40; second++) at(second, 900 - 20 * (second - 20))
  expect(rateOf(samples)).toBeCloseTo(20)
  expect(counter(job({ total: 1000, pending: 500, failed: 2 }), samples)).toBe(
    '500/1000 50 %, 20.0/s, 25 s left, 2 failed',
  )
  // what stands still has no end that could be told
  for (let second = 41; second <= 60; second++) at(second, 500)
  expect(counter(job({ total: 1000, pending: 500 }), samples)).toBe('500/1000 50 %')
  expect(sampled(samples, job({}, { stage: 'waiting' }), 61_000)).toEqual([])
})

test('[CLI-10] a screen has each phase, how far it is, and what failed, within its width and height', () => {
  const running = job(
    { total: 120, pending: 60, in_progress: 6, failed: 2, created: 40, patched: 12 },
    {
      ...{ name: 'Spring', current_phase: 'phase_b', current_batch: { index: 3, of: 8, level: 2 } },
      plan: plan({ create: 40, patch: 78, requests: 120, completed: 2 }),
      errors_sample: [{ type: 'flow', source_id: 'x', error: 'It has\nchanged since.' }],
    },
  )
  expect(frame(running, [], 100, 40)).toEqual([
    'job-1  push a → b “Spring”',
    '  ✓ phase_0   read and plan  120 configurations, 120 writes',
    '  ✓ phase_a   create         40/40',
    '  ✓ phase_a5  resolve',
    '  ▸ phase_b   change         12/78, closing 2 circles  batch 3 of 8, level 2',
    '    finalize  conclude',
    '  [##########--------------] 54/120 45 %, 2 failed',
    'failed: flow/x: It has\\u000achanged since.',
  ])
  const cancelled = frame({ ...running, stage: 'ended', status: 'cancelled' }, [], 100, 40)
  expect(cancelled.map((line) => line.slice(2, 11)).slice(3, 6)).toEqual([
    '✓ phase_a',
    '✗ phase_b',
    '  finaliz',
  ])
  for (const line of frame(running, [], 30, 40)) expect([...line].length).toBeLessThanOrEqual(30)
  expect(frame(running, [], 100, 5)).toHaveLength(4)
  const deletion = job(
    { total: 3, deleted: 2, pending: 1 },
    { kind: 'delete', current_phase: 'phase_b', plan: plan({ delete: 3 }) },
  )
  expect(frame(deletion, [], 80, 24)[4]).toBe('  ▸ phase_b   change         deleted 2/3')
  expect(progressLine(job({}, { stage: 'planning' }), [])).toBe('being planned')
})

/** What a terminal shows of what is written to it: as much as is used here. */
function terminal() {
  const rows: string[] = ['']
  let row = 0
  let column = 0
  const writes: string[] = []
  const write = (text: string): boolean => {
    writes.push(text)
    for (const [part] of text.matchAll(/\p{Cc}\[\??\d*[A-Za-z]|[\s\S]/gu)) {
      if (part === '\n') {
        row++
        column = 0
        rows[row] ??= ''
      } else if (part === '\r') column = 0
      else if (part.startsWith('\u001b')) control(part)
      else {
        rows[row] = (rows[row] as string).slice(0, column) + part + (rows[row] as string).slice(column + 1)
        column++
      }
    }
    return true
  }
  const control = (part: string) => {
    if (part.endsWith('A')) row -= Number(part.slice(2, -1))
    else if (part === '\u001b[K') rows[row] = (rows[row] as string).slice(0, column)
    else if (part === '\u001b[J') rows.splice(row, rows.length, (rows[row] as string).slice(0, column))
  }
  return { stream: { write, columns: 80, rows: 24 } as never, writes, shown: () => rows.join('\n').trimEnd() }
}

test('[CLI-10] a screen is drawn over itself in single writes, only for news, and is given back', () => {
  const { stream, writes, shown } = terminal()
  const display = screen(stream)
  const at = (done: number, more: Partial<Job> = {}) =>
    job(
      { total: 10, pending: 10 - done, created: done },
      { plan: plan({ create: 10 }), current_phase: 'phase_a', ...more },
    )
  for (const done of [1, 2, 2, 9]) display.update(at(done), [], 0)
  expect(writes).toHaveLength(3)
  expect(shown()).toBe(frame(at(9), [], 80, 24).join('\n'))
  display.note('No answer; trying again.')
  display.note('No answer; trying again.')
  expect(writes).toHaveLength(4)
  const failed = { errors_sample: [{ type: 'flow', source_id: 'x', error: 'No.' }] }
  display.update(at(10, failed), [], 0)
  display.update(at(10), [], 0)
  expect(shown()).toBe(frame(at(10), [], 80, 24).join('\n'))
  display.close()
  expect(writes.join('').match(/\p{Cc}\[\?(25|7)[lh]/gu)).toEqual([
    '\u001b[?25l',
    '\u001b[?7l',
    '\u001b[?7h',
    '\u001b[?25h',
  ])
})

test('[CLI-10] what is no screen gets one line for each change, and each failure once', () => {
  const said: string[] = []
  const display = lines((line) => said.push(line))
  const failing = { errors_sample: [{ type: 'flow', source_id: 'x', error: 'No.' }] }
  const at = (pending: number, phase: Phase, more: Partial<Job> = {}) =>
    display.update(job({ total: 4, pending }, { current_phase: phase, ...more }), [], pending)
  at(4, 'phase_a')
  at(4, 'phase_a')
  at(3, 'phase_a', failing)
  at(3, 'phase_b', failing)
  expect(said).toEqual(['phase_a 0/4 0 %', 'failed: flow/x: No.', 'phase_a 1/4 25 %', 'phase_b 1/4 25 %'])
  expect(said.join('')).not.toContain('\u001b')
})

/** A server that answers these in turn, the last of them for good. */
function answering(...answers: (Job | Error)[]): Call {
  let asked = 0
  return (async (id: string, input: { after: number }) => {
    if (id === 'config-sync.events.read') {
      const results = input.after >= asked ? [] : [{ seq: asked, ts: '', status: 'pending' }]
      return { results, next: asked }
    }
    const answer = answers[Math.min(asked++, answers.length - 1)]
    if (answer instanceof Error) throw answer
    return answer
  }) as Call
}
const hidden = silent(() => {})
const following = { display: hidden, signal: new AbortController().signal, patience: 60_000 }

test('[CLI-10] whoever waits for a plan that nobody makes is told so, once', () => {
  const said: string[] = []
  const display = silent((line) => said.push(line))
  for (const at of [0, 1000, 4999]) display.update(job({}), [], at)
  expect(said).toEqual([])
  for (const at of [5000, 6000]) display.update(job({}), [], at)
  expect(said).toEqual(['job-1 is still waiting for its plan; Ctrl-C ends the waiting.'])
})

test('[CLI-10] a job is followed to its plan, to where it waits, or to its end', async () => {
  const steps = [job({}, { stage: 'planning' }), job({}, { stage: 'waiting' }), ended('succeeded')]
  const stages = await Promise.all(
    (['planned', 'settled', 'ended'] as const).map(
      async (until) => (await follow(answering(...steps), 'job-1', { ...following, until })).stage,
    ),
  )
  expect(stages).toEqual(['waiting', 'waiting', 'ended'])
})

test('[CLI-10] what passes is waited for, what does not is told at once', async () => {
  const gone = new Unreachable('http://x', undefined)
  const busy = new Refused({ code: 'unavailable', retryable: true })
  const told: unknown[] = []
  const display = events((value) => told.push(value))
  const call = answering(job({}), gone, busy, ended('succeeded'))
  const end = await follow(call, 'job-1', { ...following, until: 'ended', display })
  expect([end.status, told.map((each: any) => each.event.seq)]).toEqual(['succeeded', [1, 4]])
  const refused = follow(answering(new Refused({ code: 'forbidden' })), 'job-1', {
    ...following,
    until: 'ended',
  })
  await expect(refused).rejects.toThrow(Refused)
  await expect(
    follow(answering(job({}), gone), 'job-1', { ...following, until: 'ended', patience: 0 }),
  ).rejects.toThrow(gone)
})

test('[CLI-10] whoever stops is told that the job goes on, also while nothing answers', async () => {
  const controller = new AbortController()
  const silent: Call = () => new Promise<never>(() => {})
  let closed = 0
  const display = { ...hidden, close: () => void closed++ }
  const watching = follow(silent, 'job-1', {
    ...following,
    until: 'ended',
    display,
    signal: controller.signal,
  })
  controller.abort()
  await expect(watching).rejects.toThrow(new Stopped('job-1'))
  expect(closed).toBe(1)
})

test('[CLI-9] what was written without requests only says how long it took', () => {
  const local = ended('succeeded', { stats: { requests: 0, repeated: 0, seconds: 0.12 } })
  expect(statusLines(local)[2]).toBe('took 0.1 s')
})

test('[CLI-9] a status says what became of it, what failed and what can be done', () => {
  const partial = ended('partial', {
    ...{
      counts: job({ total: 30, created: 5, patched: 1, failed: 22, skipped: 1, skipped_unchanged: 1 }).counts,
    },
    ...{ finished_at: '2026-01-01T01:04:05.000Z', plan_digest: 'd' },
    stats: {
      requests: 9,
      repeated: 2,
      seconds: 3.21,
      lower_bound_seconds: 3,
      verified: { equal: 4, different: 1 },
    },
  })
  expect(statusLines(partial, [{ type: 'flow', source_id: 'x', error: 'No.' }])).toEqual([
    'job-1  push a → b',
    'partial after 1 h 4 min: 5 created, 1 changed, 1 unchanged, 1 skipped, 22 failed of 30',
    '9 requests, 2 of them again in 3.2 s, 3.0 s at best; read back: 4 equal, 1 different',
    'plan d',
    'failed: flow/x: No.',
    'and 21 more that failed',
    'Next: countersign sync retry job-1',
    'Next: countersign sync rollback job-1',
  ])
  const waiting = job(
    { total: 1, pending: 1 },
    { stage: 'waiting', waiting_for: { approval_id: 'ap', session_id: 'se' } },
  )
  expect(statusLines(waiting).join('\n')).toContain('approval ap in the session se')
  const dry = ended('succeeded', {
    dry_run: true,
    plan: plan({ requests: 1 }),
    counts: job({ total: 2, would_create: 1, would_match_heuristic: 1 }).counts,
  })
  expect(statusLines({ ...dry, finished_at: '2026-01-01T00:01:05.000Z' })).toEqual([
    'job-1  push a → b (dry run)',
    'succeeded after 1 min 5 s: 1 would be created, 1 would be changed of 2',
    'Next: countersign sync apply job-1',
  ])
})
