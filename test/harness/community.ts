import sql from 'sql-template-tag'
import type { Caller, Reply, TestApp } from './app.ts'

export const CHAT = '/api/agent/community-chat'

const ACTIONS = {
  post: ['confirm_community_message_post', 'listener.community.message.post'],
  moderate: ['confirm_community_message_moderation', 'creator.community.message.moderate'],
  manage: ['confirm_community_channels_change', 'creator.community.channels.manage'],
} as const

type Asked = { key?: string; text?: string; approval?: { id: string; planDigest: string } }

const body = (
  kind: keyof typeof ACTIONS,
  target: string | undefined,
  input: Record<string, unknown>,
  text: string,
  { key = `test-${crypto.randomUUID()}`, approval }: Asked,
  mode: 'preview' | 'execute',
) => ({
  action: ACTIONS[kind][0],
  ...input,
  envelope: {
    contract: 'agent-write-envelope.v1',
    contractId: 'creator.community.chat',
    actionMode: mode,
    dryRun: mode === 'preview',
    actor: 'Test',
    client: 'client-test',
    action: ACTIONS[kind][1],
    target: target === undefined ? {} : { id: target },
    confirmation: { text, acknowledgedRisk: true },
    idempotencyKey: key,
    reason: 'Tested.',
    auditCorrelationId: 'test',
    ...(approval ? { approval } : {}),
  },
})

/** The plan of a community write, as its route answers it in preview mode. */
export const preview = (
  caller: Caller,
  kind: keyof typeof ACTIONS,
  input: Record<string, unknown>,
): Promise<Reply> => caller.call('POST', CHAT, body(kind, undefined, input, 'not yet', {}, 'preview'))

/** Previews a community write and confirms it with the text of the plan; a refused preview is the answer. */
export async function confirmed(
  caller: Caller,
  kind: keyof typeof ACTIONS,
  input: Record<string, unknown>,
  asked: Asked = {},
): Promise<Reply> {
  const seen = await preview(caller, kind, input)
  if (seen.status !== 200) return seen
  const { confirmationText, target } = seen.body.plan
  const text = asked.text ?? confirmationText
  return caller.call('POST', CHAT, body(kind, target.id ?? undefined, input, text, asked, 'execute'))
}

export const post = (
  caller: Caller,
  text: string,
  channelId = 'general',
  asked: Asked = {},
): Promise<Reply> => confirmed(caller, 'post', { channelId, body: text }, asked)

export const manage = (caller: Caller, input: Record<string, unknown>): Promise<Reply> =>
  confirmed(caller, 'manage', input)

/** Moderates a message as it is now. */
export async function moderate(
  caller: Caller,
  message: { id: string },
  next: Record<string, unknown>,
): Promise<Reply> {
  const seen = await preview(caller, 'moderate', {
    messageId: message.id,
    ...next,
    observedUpdatedAt: new Date(0).toISOString(),
  })
  if (seen.status !== 200) return seen
  const observedUpdatedAt = seen.body.plan.observed[0].updatedAt
  return confirmed(caller, 'moderate', { messageId: message.id, ...next, observedUpdatedAt })
}

export const read = (caller: Caller, query = ''): Promise<Reply> =>
  caller.call('GET', `${CHAT}/messages${query}`)

export const react = (caller: Caller, messageId: string, reaction: string, on = true): Promise<Reply> =>
  caller.call('POST', `${CHAT}/reactions`, { messageId, reaction, on })

/** What a reader holds who follows a channel from its start by cursors, page by page: each message as it came last. */
export async function followed(
  caller: Caller,
  start: string,
  channelId = 'general',
  limit = 7,
): Promise<{ held: Map<string, any>; cursor: string }> {
  const held = new Map<string, any>()
  for (let cursor = start; ; ) {
    const { status, body: page } = await read(
      caller,
      `?channelId=${channelId}&limit=${limit}&after=${encodeURIComponent(cursor)}`,
    )
    if (status !== 200) throw new Error(`read: ${JSON.stringify(page)}`)
    for (const message of page.messages) held.set(message.id, message)
    cursor = page.cursor
    if (!page.more) return { held, cursor }
  }
}

/** The messages of a channel as the database has them. */
export const stored = (app: TestApp, org: string, channelId = 'general') =>
  app.deps.db.query<{ id: string; seq: number; atSeq: number; body: string; status: string }>(sql`
    SELECT id, seq, at_seq AS "atSeq", body, status FROM community_chat_messages
     WHERE org = ${org} AND channel_id = ${channelId} ORDER BY seq`)
