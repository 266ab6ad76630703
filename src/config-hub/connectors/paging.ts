import { z } from 'zod'
import { sha256 } from '../../operation/plan.ts'
import { at } from '../references/path.ts'
import { ConnectorError } from './connector.ts'
import type { Paging, RestResource } from './mapping-resource.ts'
import type { Reply } from './request.ts'

type List = RestResource['list']

/**
 * A cursor is where the next page begins (a page's number, an offset, the place's own cursor or URL) and which ids the
 * last one had, as a hash: a place that takes no notice of where a page begins would be read for ever.
 */
const Cursor = z.tuple([z.string(), z.string()])

function parsed(cursor: string): z.output<typeof Cursor> {
  try {
    return Cursor.parse(JSON.parse(cursor))
  } catch {
    throw new ConnectorError('invalid', 'The cursor is none of this list.')
  }
}

const hashOf = (ids: readonly string[]): string => sha256(JSON.stringify(ids)).slice(0, 16)

export const withQuery = (path: string, query: Record<string, string>): string => {
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`
}

const sizeOf = (paging: Paging, size: number): Record<string, string> =>
  'size_param' in paging && paging.size_param !== undefined ? { [paging.size_param]: String(size) } : {}

/** What to ask for a page. */
export function pagePath(
  { path, query, paging, page_size }: List,
  cursor: string | null,
  baseUrl: string,
): string {
  const start = cursor === null ? undefined : parsed(cursor)[0]
  const of = (more: Record<string, string>) =>
    withQuery(path, { ...query, ...sizeOf(paging, page_size), ...more })
  switch (paging.style) {
    case 'page':
      return of({ [paging.page_param]: start ?? String(paging.start) })
    case 'offset':
      return of({ [paging.offset_param]: start ?? '0' })
    case 'cursor':
      return of(start === undefined ? {} : { [paging.cursor_param]: start })
    default:
      return start === undefined ? of({}) : absolute(start, baseUrl)
  }
}

function absolute(link: string, baseUrl: string): string {
  const url = URL.parse(link, `${baseUrl.replace(/\/$/, '')}/`)
  if (url) return url.href
  throw new ConnectorError('invalid', 'The place names no address for its next page.')
}

/** The cursor after a page of these ids; null after the last. Errors: `invalid` when it is the page before. */
export function cursorAfter(
  { paging }: List,
  reply: Pick<Reply, 'headers' | 'body'>,
  cursor: string | null,
  ids: readonly string[],
): string | null {
  const [start, before] = cursor === null ? [undefined, undefined] : parsed(cursor)
  const hash = hashOf(ids)
  if (ids.length > 0 && hash === before)
    throw new ConnectorError('invalid', 'The place answers the same page again.')
  const next = nextStart(paging, reply, start, ids.length)
  return next === undefined || next === '' || next === start ? null : JSON.stringify([next, hash])
}

/** Counted pages end with an empty one: a place may give fewer at once than it is asked for. */
function nextStart(
  paging: Paging,
  { headers, body }: Pick<Reply, 'headers' | 'body'>,
  start: string | undefined,
  count: number,
): string | undefined {
  switch (paging.style) {
    case 'none':
      return undefined
    case 'page':
      return count === 0 ? undefined : String(Number(start ?? paging.start) + 1)
    case 'offset':
      return count === 0 ? undefined : String(Number(start ?? 0) + count)
    case 'link':
      return linked(String(headers.link ?? ''))
    default: {
      const next = at(body, paging.next_path)
      return typeof next === 'string' || typeof next === 'number' ? String(next) : undefined
    }
  }
}

/** The link of relation next (RFC 8288). */
function linked(header: string): string | undefined {
  for (const part of header.split(/,(?=\s*<)/)) {
    const [, url, parameters] = /^\s*<([^>]*)>(.*)$/.exec(part) ?? []
    if (url !== undefined && /;\s*rel="?(?:[^"]*\s)?next(?:\s[^"]*)?"?/i.test(parameters ?? '')) return url
  }
  return undefined
}
