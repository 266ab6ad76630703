import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import sql from 'sql-template-tag'
import type { Db, Queryable } from './pool.ts'

export type LogKind = 'session' | 'room' | 'feed'
/** One log of an organisation: its kind, and the id of what it is the log of. */
export type LogName = `${LogKind}/${string}`

/** Where each of these logs ends; those that do not exist are left out. */
export type ReadHeads = (
  db: Queryable,
  logs: readonly { org: string; id: string }[],
) => Promise<{ org: string; id: string; lastSequence: number }[]>

/**
 * Tells readers that a log grew. Within the process at once; across processes by one coalesced NOTIFY per flush (a
 * NOTIFY in each append was measured to halve appends), and by a periodic look at the followed heads, which covers
 * lost notifications.
 */
export type LogFeed = {
  /** Called after commit. */
  poke(org: string, log: LogName): void
  /** Calls back whenever the log may have grown. Answers the unsubscribe. */
  follow(org: string, log: LogName, listener: () => void): () => void
  close(): Promise<void>
}

const CHANNEL = 'countersign_logs'
/** 50 ms: unnoticeable to a person, and at most 20 notifications a second however busy the process is. */
const FLUSH_MS = 50
/** 2 s between looks at the heads: the longest delay when a notification is lost. */
const HEAD_CHECK_MS = 2_000
/** NOTIFY payloads end at 8,000 bytes. */
const MAX_PAYLOAD = 7_500

export function createLogFeed(db: Db, log: Logger, kinds: Record<LogKind, ReadHeads>): LogFeed {
  const emitter = new EventEmitter().setMaxListeners(0)
  const heads = new Map<string, number>()
  let dirty = new Set<string>()
  let closed = false
  let listening: Promise<void> | undefined
  let release: (() => void) | undefined

  const key = (org: string, name: LogName) => `${org}/${name}`

  async function flush(): Promise<void> {
    const batch = [...dirty]
    dirty = new Set()
    while (batch.length > 0) {
      const chunk: string[] = []
      for (let size = 0; batch.length > 0; ) {
        size += Buffer.byteLength(batch[0] as string) + 3
        if (size > MAX_PAYLOAD && chunk.length > 0) break
        chunk.push(batch.shift() as string)
      }
      await db.query(sql`SELECT pg_notify(${CHANNEL}, ${JSON.stringify(chunk)})`)
    }
  }

  /** One connection listens once anybody follows a log; it is taken up again when it breaks. */
  async function listen(): Promise<void> {
    const client = await db.pool.connect()
    client.on('notification', ({ payload }) => {
      for (const each of JSON.parse(payload ?? '[]') as string[]) emitter.emit(each)
    })
    const broken = new Promise<void>((resolve) => client.once('end', () => resolve()))
    await client.query(`LISTEN ${CHANNEL}`)
    release = () => client.release(true)
    void broken.then(() => {
      listening = undefined
      if (!closed && emitter.eventNames().length > 0) ensureListening()
    })
  }

  function ensureListening(): void {
    listening ??= listen().catch((error: unknown) => {
      listening = undefined
      log.warn({ err: error }, 'cannot listen for what logs append; reading on by polling')
    })
  }

  async function checkHeads(): Promise<void> {
    const followed = emitter.eventNames().map((name) => {
      const [org, kind, id] = String(name).split('/') as [string, LogKind, string]
      return { org, kind, id }
    })
    for (const [kind, logs] of Map.groupBy(followed, (each) => each.kind))
      for (const head of await kinds[kind](db, logs)) {
        const name = key(head.org, `${kind}/${head.id}`)
        if (heads.get(name) !== head.lastSequence) emitter.emit(name)
        heads.set(name, head.lastSequence)
      }
  }

  const every = (ms: number, work: () => Promise<void>) =>
    setInterval(() => void work().catch((error: unknown) => log.warn({ err: error }, 'log feed')), ms).unref()
  const checker = every(HEAD_CHECK_MS, checkHeads)
  let flushTimer: NodeJS.Timeout | undefined

  return {
    poke(org, logName) {
      const name = key(org, logName)
      emitter.emit(name)
      dirty.add(name)
      flushTimer ??= setTimeout(() => {
        flushTimer = undefined
        if (!closed) void flush().catch((error: unknown) => log.warn({ err: error }, 'log feed flush'))
      }, FLUSH_MS).unref()
    },
    follow(org, logName, listener) {
      const name = key(org, logName)
      emitter.on(name, listener)
      ensureListening()
      return () => {
        emitter.off(name, listener)
        if (emitter.listenerCount(name) === 0) heads.delete(name)
      }
    },
    async close() {
      closed = true
      clearInterval(checker)
      clearTimeout(flushTimer)
      await listening
      release?.()
    },
  }
}
