import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Operation } from '../operation/define.ts'
import { Problem } from '../operation/errors.ts'
import { Refused, Unreachable } from './exit.ts'
import type { Output } from './output.ts'
import { type Call, type Given, remoteCommands } from './remote.ts'
import { plain } from './sync-text.ts'

type Tailing = Given & { cursor?: string; once?: true }
type FeedRecord = { type: string; key: string; updatedAt: string; data: Record<string, unknown> | null }
type Page = { records: FeedRecord[]; nextCursor: string; hasMore: boolean; completeThrough: string | null }

/** 20 s of waiting in one request: below the 25 s that a feed allows. */
const WAIT_S = 20
const RETRY_MS = 1_000
const PAGE = 500

/** `feeds tail`: a feed of a running server, as it grows. */
export function feedCommands(
  program: Command,
  operations: readonly Operation[],
  env: NodeJS.ProcessEnv,
  output: () => Output,
): void {
  const group = program
    .command('feeds')
    .description('read what changed: public work, findings, configuration')
  const { command, calling } = remoteCommands(group, operations, env)
  command('tail', 'show a feed from its beginning, or from a cursor, and go on as it grows')
    .argument('<feed>', 'work-log, findings or config-changes')
    .option('--cursor <cursor>', 'go on from where an earlier tail ended')
    .option('--once', 'only what is there')
    .action((feed: string, options: Tailing) => tailFeed(calling(options), { feed, ...options }, output()))
}

/**
 * Shows records until there are no more (`once`) or somebody stops it; then says the cursor to go on from. A server that
 * starts again is waited for, and nothing is shown twice or left out.
 */
async function tailFeed(
  call: Call,
  { feed, cursor, once }: { feed: string; cursor?: string; once?: true },
  output: Output,
): Promise<void> {
  if (!FEEDS.includes(feed))
    throw new Problem('validation-failed', { detail: `${feed} is no feed; there are ${FEEDS.join(', ')}.` })
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  const stopped = new Promise<undefined>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(undefined)),
  )
  process.once('SIGINT', stop)
  let next = cursor
  try {
    while (!stopping.signal.aborted) {
      const input = { limit: PAGE, ...(next ? { cursor: next } : {}), ...(once ? {} : { wait: WAIT_S }) }
      const page = await Promise.race([patiently(call, `sync-feeds.${feed}-read`, input, output), stopped])
      if (page === undefined) continue
      for (const record of page.records) output.data(record, lineOf(record))
      next = page.nextCursor
      if (once && !page.hasMore) break
    }
  } finally {
    process.off('SIGINT', stop)
    if (next) output.data({ nextCursor: next }, `Go on with --cursor ${next}`)
  }
}

const FEEDS = ['work-log', 'findings', 'config-changes']

/** A page; undefined after a moment where the server does not answer just now. */
async function patiently(
  call: Call,
  id: string,
  input: Record<string, unknown>,
  output: Output,
): Promise<Page | undefined> {
  try {
    return await call<Page>(id, input)
  } catch (error) {
    const isPassing =
      error instanceof Unreachable || (error instanceof Refused && error.body.retryable === true)
    if (!isPassing) throw error
    output.say('No answer; trying again.')
    await sleep(RETRY_MS)
    return undefined
  }
}

/** One line of a record; words of others do not control the terminal. */
function lineOf({ type, key, updatedAt, data }: FeedRecord): string {
  const words = [data?.title, data?.summary, data?.status, data?.version]
    .filter((each) => each !== undefined && each !== null)
    .map((each) => plain(String(each)))
  return `${updatedAt}  ${type}  ${plain(key)}${words.length > 0 ? `  ${words.join('  ')}` : ''}`
}
