import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { StreamItem } from './define.ts'

const text = (item: StreamItem): string =>
  'comment' in item
    ? `: ${item.comment}\n\n`
    : `${item.id ? `id: ${item.id}\n` : ''}${item.event ? `event: ${item.event}\n` : ''}data: ${JSON.stringify(item.data)}\n\n`

/**
 * Sends items as server-sent events until they end or the client leaves. A first refusal (before any item) still
 * throws, so that it is answered with its status; a slow client holds the source back rather than filling memory.
 */
export async function sendEvents(
  reply: FastifyReply,
  items: AsyncIterable<StreamItem>,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const iterator = items[Symbol.asyncIterator]()
  const first = iterator.next()
  // A stream that starts at the head has nothing to send yet: its headers go out at once all the same.
  const early = await Promise.race([first, setTimeout(FIRST_MS, undefined, { ref: false })])
  reply.hijack()
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    // the stream is the connection: nothing else comes over it, and a draining server need not wait for it to idle out
    connection: 'close',
  })
  reply.raw.flushHeaders()
  try {
    for (let next = early ?? (await first); !next.done; next = await iterator.next()) {
      if (signal.aborted) break
      if (!reply.raw.write(text(next.value)))
        await Promise.race([once(reply.raw, 'drain', { signal }), once(reply.raw, 'close')])
    }
  } catch (error) {
    if (!signal.aborted) reply.log.warn({ err: error }, 'event stream ended early')
  } finally {
    await iterator.return?.()
    reply.raw.end()
  }
  return reply
}

/** 250 ms: a refusal comes from one or two reads, far below this; an idle stream opens this much later. */
const FIRST_MS = 250
