import type { Reply } from '../harness/app.ts'
import { confirm, decide, laterBy, message, previewedMove, requestedMove } from '../harness/moves.ts'
import type { Random } from '../harness/seeded.ts'
import type { Callers } from './world.ts'

/** What was sent. Without `acked` no answer came before the kill: it may have happened or not. */
export type Sent = {
  message: { sessionId: string; summary: string; key?: string; acked?: number }
  confirm: {
    key: string
    eventId: string
    body: Record<string, unknown>
    by: 'automation' | 'agent'
    acked?: Reply
  }
  approval: { id: string; sessionId: string; approved?: boolean; confirm?: Sent['confirm'] }
}
export type Ledger = {
  messages: Sent['message'][]
  confirms: Sent['confirm'][]
  approvals: Sent['approval'][]
  acks: number
}

export type Storm = {
  ledger: Ledger
  finished: Promise<void>
  ackedAtLeast(n: number): Promise<void>
  killed(): void
}

const WORKERS = { messages: 4, confirms: 3, approvals: 2 }

/**
 * Appends, confirms and approved executions at once, until the server is gone. An answer that should not be, before
 * the kill was announced, ends the storm with an error.
 */
export function startStorm(
  callers: Callers,
  place: { name: string; sessions: readonly string[]; events: readonly string[] },
  random: Random,
): Storm {
  const ledger: Ledger = { messages: [], confirms: [], approvals: [], acks: 0 }
  let killed = false
  let waiting: { n: number; resolve: () => void } | undefined
  let minutes = 0

  const acknowledge = () => {
    ledger.acks++
    if (waiting && ledger.acks >= waiting.n) waiting.resolve()
  }
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T

  async function sendMessage(name: string): Promise<void> {
    const keyed = random.below(2) === 0
    const sent: Sent['message'] = {
      sessionId: pick(place.sessions),
      summary: name,
      ...(keyed ? { key: `message-${name}` } : {}),
    }
    ledger.messages.push(sent)
    const headers: Record<string, string> = sent.key ? { 'idempotency-key': sent.key } : {}
    const { body } = expected(await message(callers.agent, sent.sessionId, sent.summary, headers), [201])
    sent.acked = body.event.sequence
    acknowledge()
  }

  async function sendConfirm(sent: Sent['confirm']): Promise<void> {
    ledger.confirms.push(sent)
    sent.acked = expected(await confirm(callers[sent.by], sent.body), [200, 412])
    acknowledge()
  }

  async function confirmMove(name: string): Promise<void> {
    const eventId = pick(place.events)
    const move = await previewedMove(callers.automation, eventId, laterBy(++minutes))
    const key = `confirm-${name}`
    await sendConfirm({ key, eventId, body: move.body(key), by: 'automation' })
  }

  async function executeApproved(name: string): Promise<void> {
    const eventId = pick(place.events)
    const move = await requestedMove(callers.agent, eventId, { startsAt: laterBy(++minutes) }).catch(
      unlessStale,
    )
    if (!move) return
    const sent: Sent['approval'] = { id: move.approval.id, sessionId: move.sessionId }
    ledger.approvals.push(sent)
    expected(await decide(callers.owner, move, 'approve'), [200])
    sent.approved = true
    acknowledge()
    const key = `execute-${name}`
    sent.confirm = { key, eventId, body: move.body(key), by: 'agent' }
    await sendConfirm(sent.confirm)
  }

  async function work(kind: string, worker: number, send: (name: string) => Promise<void>): Promise<void> {
    for (let n = 0; !killed; n++) {
      try {
        await send(`${place.name}-${kind}-${worker}-${n}`)
      } catch (error) {
        if (!killed) throw error
      }
    }
  }

  const workers = (n: number, kind: string, send: (name: string) => Promise<void>) =>
    Array.from({ length: n }, (_, worker) => work(kind, worker, send))
  const finished = Promise.all([
    ...workers(WORKERS.messages, 'm', sendMessage),
    ...workers(WORKERS.confirms, 'c', confirmMove),
    ...workers(WORKERS.approvals, 'a', executeApproved),
  ]).then(() => {})
  return {
    ledger,
    finished,
    ackedAtLeast: (n) => Promise.race([new Promise<void>((resolve) => (waiting = { n, resolve })), finished]),
    killed: () => {
      killed = true
    },
  }
}

function expected(reply: Reply, statuses: readonly number[]): Reply {
  if (!statuses.includes(reply.status)) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`)
  return reply
}

/** The event may move between preview and request: then the request is refused with 412 and there is no approval. */
function unlessStale(error: Error): undefined {
  if (!error.message.includes('"plan-changed"')) throw error
  return undefined
}
