import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import { ENVELOPE_CONTRACT } from '../operation/envelope.ts'
import { Problem } from '../operation/errors.ts'
import type { Plan } from '../operation/plan.ts'
import { watchRoom } from './live-watch.ts'
import type { Output } from './output.ts'
import { type Call, count, type Given, remoteCommands } from './remote.ts'
import { isWanted } from './sync-run.ts'
import { plain } from './sync-text.ts'

type Confirming = Given & {
  yes?: true
  dryRun?: true
  reason: string
  session?: string
  approval?: string
}
type Scheduling = Confirming & {
  title?: string
  starts?: string
  ends?: string
  zone?: string
  description?: string
  status?: string
  channel?: string | false
  chat?: boolean
  subscribersOnly?: boolean
}

const CREATE = 'live.events.schedule.confirmed-create'
const UPDATE = 'live.events.schedule.confirmed-update'
const STATUS = 'live.events.status.confirmed-update'

/** `live …`: rooms of a running server, by the plans and confirmations that agents use. */
export function liveCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program.command('live').description('schedule live rooms, take them live and end them')
  const { command, calling } = remoteCommands(group, operations, env)
  const write = async (id: string, input: Record<string, unknown>, options: Confirming) => {
    const { session } = options
    await confirmed(
      calling(options, session ? { session } : {}),
      { operations, id, input },
      options,
      output(),
    )
  }

  confirming(command('schedule', 'create a live event, or change the one that is named'))
    .argument('[event]')
    .option('--title <title>')
    .option('--starts <instant>', 'as 2026-09-01T18:00:00Z, or none')
    .option('--ends <instant>', 'as 2026-09-01T20:00:00Z, or none')
    .option('--zone <zone>', 'IANA time zone that times are shown in')
    .option('--description <text>')
    .option('--status <status>', 'of a new one: draft, scheduled or live')
    .option('--channel <id>', 'link it to a community channel')
    .option('--no-channel', 'unlink it')
    .option('--chat', 'open the chat')
    .option('--no-chat', 'close the chat')
    .option('--subscribers-only', 'let only subscribers in')
    .option('--no-subscribers-only', 'let everybody in')
    .action(async (event: string | undefined, options: Scheduling) => {
      const fields = fieldsOf(options)
      if (event === undefined) return write(CREATE, { status: 'scheduled', ...fields }, options)
      const title = options.title ?? (await titleOf(calling(options), event))
      await write(UPDATE, { ...fields, eventId: event, title }, options)
    })
  for (const [name, nextStatus, what] of [
    ['go-live', 'live', 'take a live event live'],
    ['end', 'ended', 'end a live event, for good'],
  ] as const)
    confirming(command(name, what))
      .argument('<event>')
      .action((event: string, options: Confirming) => write(STATUS, { eventId: event, nextStatus }, options))
  command('watch', 'show a room: its newest notes, and then what is said and done as it comes')
    .argument('<event>')
    .option('--last <count>', 'notes to begin with', count, 20)
    .option('--once', 'only what is there')
    .action((event: string, options: Watching) =>
      untilStopped((signal) =>
        watchRoom(
          calling(options),
          { eventId: event, last: Math.min(options.last, 200), once: options.once === true },
          output(),
          signal,
        ),
      ),
    )
}

type Watching = Given & { last: number; once?: true }

/** Watches until the person has seen enough. */
async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop)
  try {
    await work(stopping.signal)
  } finally {
    process.off('SIGINT', stop)
  }
}

const confirming = (command: Command): Command =>
  command
    .option('--dry-run', 'only show the plan')
    .option('--yes', 'without asking')
    .option('--reason <text>', 'why, for the audit', 'Asked for on the command line.')
    .option('--session <id>', 'in this agent session')
    .option('--approval <reference>', 'by an approval: its id, a space, the planDigest')

const NONE = 'none'
const instant = (text: string | undefined): string | null | undefined => (text === NONE ? null : text)

/** The fields that were given; what is left out stays as it is. */
function fieldsOf(options: Scheduling): Record<string, unknown> {
  const { title, zone, description, status, channel, chat, subscribersOnly } = options
  const fields = {
    ...{ title, description, status, subscriberOnly: subscribersOnly },
    startsAt: instant(options.starts),
    endsAt: instant(options.ends),
    timeZone: zone,
    communityChannelId: channel === false ? null : channel,
    chatEnabled: chat,
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** A change names the title; one that keeps it takes it from the event. */
async function titleOf(call: Call, eventId: string): Promise<string> {
  type Manifest = { live: { events: { id: string; title: string }[] } }
  const { live } = await call<Manifest>('live.controls.read', { eventId })
  return live.events.find(({ id }) => id === eventId)?.title ?? ''
}

type Asked = { operations: readonly Operation[]; id: string; input: Record<string, unknown> }

/** Previews a write, shows its plan, asks, and confirms it with the plan's exact text. */
async function confirmed(call: Call, asked: Asked, options: Confirming, output: Output): Promise<void> {
  const { id, input } = asked
  const observes = 'eventId' in input
  const preview = {
    ...input,
    // a preview compares it with nothing
    ...(observes ? { observedUpdatedAt: new Date(0).toISOString() } : {}),
    envelope: envelopeOf(asked, { target: {}, text: 'preview', reason: options.reason, preview: true }),
  }
  const { plan } = await call<{ plan: Plan }>(id, preview)
  output.say(planText(plan))
  const [blocker] = plan.blockers
  if (blocker) throw new Problem(blocker.code, { detail: blocker.message, extra: { plan } })
  if (options.dryRun) return output.json ? output.data({ ok: true, mode: 'preview', plan }) : undefined
  if (!(await isWanted(output, plain(plan.confirmationText), options.yes))) return
  const envelope = envelopeOf(asked, {
    target: plan.target.id ? { kind: plan.target.kind, id: plan.target.id } : {},
    text: plan.confirmationText,
    ...{ reason: options.reason, planDigest: plan.planDigest, approval: approvalOf(options.approval) },
  })
  const observed = plan.observed[0]?.updatedAt
  const done = await call<{ event: { id: string; title: string; status: string } }>(id, {
    ...input,
    ...(observed ? { observedUpdatedAt: observed } : {}),
    envelope,
  })
  output.data(done, `${done.event.id}: ${plain(done.event.title)} is ${done.event.status}.`)
}

type Said = {
  target: Record<string, string>
  text: string
  reason: string
  preview?: true
  planDigest?: string
  approval?: { id: string; planDigest: string } | undefined
}

function envelopeOf({ operations, id }: Asked, { target, text, reason, preview, ...more }: Said) {
  const operation = operations.find((each) => each.id === id)
  if (operation?.effect !== 'write')
    throw new Problem('not-found', { detail: `This release has no write ${id}.` })
  const { action, contractId } = operation.confirmation
  const correlation = randomUUID()
  return {
    contract: ENVELOPE_CONTRACT,
    contractId,
    actionMode: preview ? 'preview' : 'execute',
    dryRun: preview === true,
    actor: 'Command line',
    client: { id: 'countersign-cli', name: 'Countersign command line', kind: 'cli' },
    ...{ action, target, reason },
    confirmation: { text, acknowledgedRisk: true },
    idempotencyKey: `cli-${correlation}`,
    auditCorrelationId: correlation,
    ...more,
  }
}

function approvalOf(reference: string | undefined): Said['approval'] {
  if (reference === undefined) return undefined
  const [id, planDigest, ...rest] = reference.split(' ')
  if (id && planDigest && rest.length === 0) return { id, planDigest }
  throw new Problem('validation-failed', {
    detail: '--approval is the id of an approval, a space, and the planDigest.',
  })
}

/** What a plan does, for people. Titles come from wherever events are made, so nothing in them controls the terminal. */
function planText(plan: Plan): string {
  const value = (each: unknown): string => plain(each === null ? 'not set' : String(each))
  const lines = plan.changes.map(({ label, before, after, shown }) =>
    shown
      ? `  ${label}: ${plain(shown.before)} → ${plain(shown.after)}`
      : `  ${label}: ${value(before)} → ${value(after)}`,
  )
  const warnings = plan.warnings.map((warning) => `! ${plain(warning)}`)
  return [plain(plan.targetSummary), ...lines, ...warnings, `Confirms: ${plain(plan.confirmationText)}`].join(
    '\n',
  )
}
