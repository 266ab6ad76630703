import { z } from 'zod'
import { type Operation, preview, read, record, write } from '../../src/operation/define.ts'
import { fail } from '../../src/operation/errors.ts'
import type { PlanDraft } from '../../src/operation/plan.ts'

// Compiled, never run: each expected error is one that the compiler must make, and an unused expectation is an error.

const base = {
  id: 'things.change',
  tool: 'thing_change',
  surface: 'things',
  summary: 'Change a thing.',
  boundaries: [],
  http: { method: 'POST', path: '/api/things' },
  access: { auth: 'guest' },
  input: z.strictObject({ name: z.string() }),
  output: z.object({ ok: z.literal(true) }),
  errors: ['not-found'],
} as const

const confirmation = {
  kind: 'live-schedule',
  reason: 'It changes things.',
  contractId: 'things',
  action: 'things.change',
  envelope: true,
} as const
const audit = { event: 'thing_change', record: 'things', attribution: 'Who.' }
const draft: PlanDraft = {
  target: { kind: 'thing', id: 'a', title: 'A' },
  targetSummary: 'Change A.',
  observed: [],
  arguments: {},
  changes: [],
  confirmationText: 'I confirm changing A.',
}
const plan = async () => draft
const run = async () => ({ ok: true as const })
const unread = { none: 'It reads.' }
const mute = async () => ({ ...draft, confirmationText: undefined })
const apply = async () => ({ output: { ok: true as const }, previous: null, next: null })

// with everything it compiles
export const whole: Operation = write({ ...base, confirmation, audit, preview: plan, apply }) as never

// @ts-expect-error a write without preview
write({ ...base, confirmation, audit, apply })

// @ts-expect-error a write without confirmation
write({ ...base, audit, preview: plan, apply })

// @ts-expect-error a write without audit
write({ ...base, confirmation, preview: plan, apply })

// @ts-expect-error a write without apply
write({ ...base, confirmation, audit, preview: plan })

// @ts-expect-error a write that gives a reason instead of an audit
write({ ...base, confirmation, audit: { none: 'It is harmless.' }, preview: plan, apply })

// @ts-expect-error a write whose confirmation does not say whether it takes an envelope
write({ ...base, confirmation: { ...confirmation, envelope: undefined }, audit, preview: plan, apply })

// @ts-expect-error a write that applies without saying what was and what is
write({ ...base, confirmation, audit, preview: plan, apply: async () => ({ output: { ok: true as const } }) })

// @ts-expect-error a planner that does not say what to confirm
write({ ...base, confirmation, audit, preview: mute, apply })

// with either of the two it compiles
record({ ...base, audit: { none: 'The log is the record.' }, run })
record({
  ...base,
  audit: { event: 'thing_note', target: () => ({ kind: 'thing', id: 'a' }) },
  run,
})

// @ts-expect-error a record with neither audit nor the reason for none
record({ ...base, run })

// @ts-expect-error a record with an event that is about nothing
record({ ...base, audit: { event: 'thing_note' }, run })

// @ts-expect-error a preview that names no write
preview({
  ...base,
  audit: { none: 'Nothing changes.', attribution: 'Nobody.' },
  present: () => ({ ok: true as const }),
})

// @ts-expect-error a read that does not say why it is not audited
read({ ...base, run })

// @ts-expect-error access has no default
read({ ...base, access: undefined, audit: unread, run })

// @ts-expect-error a class of callers that does not exist
read({ ...base, access: { auth: 'anybody' }, audit: unread, run })

// @ts-expect-error an error code that is not on the list
read({ ...base, errors: ['oops'], audit: unread, run })

// @ts-expect-error an answer that the output schema does not have
read({ ...base, audit: unread, run: async () => ({ ok: false as const }) })

// @ts-expect-error refusing with a code that is not on the list
export const refuse = () => fail('oops', 'It went wrong.')
