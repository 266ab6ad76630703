import { link } from '../test/harness/publishing-place.ts'
import { seeded } from '../test/harness/seeded.ts'

export type ContentType = 'category' | 'author' | 'article' | 'page'
export type Content = { type: ContentType; id: string; fields: Record<string, unknown> }

/** The fields of each type that refer to others, by the type of those. */
export const LINKS: Record<ContentType, Record<string, ContentType>> = {
  category: { parent: 'category' },
  author: {},
  article: { category: 'category', author: 'author', related: 'article' },
  page: { parent: 'page', articles: 'article' },
}
const SHARES: Record<Exclude<ContentType, 'article'>, number> = { category: 0.02, author: 0.08, page: 0.1 }
/** Sizes of circles, in turn: what is in one refers to the next in it. */
const CIRCLES = [2, 3, 2, 5]

export type Made = { entries: Content[]; circles: number; circular: number }

/**
 * Entries of four types, each referring to some before it, in this order, which is the best one for whoever publishes them
 * one after another; a share of them are articles in circles. What is in a circle is referred to by what is in it only, so
 * that whoever cannot do circles lacks nothing else.
 */
export function contentOf(count: number, share: number): Made {
  const random = seeded(1)
  const made: Content[] = []
  const byType = new Map<ContentType, string[]>()
  const some = (type: ContentType, most: number): string[] => {
    const known = byType.get(type) ?? []
    const many = known.length === 0 ? 0 : random.below(most + 1)
    return [...new Set(Array.from({ length: many }, () => known[random.below(known.length)] as string))]
  }
  const add = (type: ContentType, links: Record<string, unknown>): string => {
    const id = `${type}-${random.below(2 ** 31).toString(36)}-${made.length}`
    const body = { 'en-US': `What there is to say about number ${made.length}. `.repeat(8) }
    made.push({ type, id, fields: { title: { 'en-US': `The ${type} ${made.length}` }, body, ...links } })
    return id
  }
  const one = (field: string, type: ContentType) => {
    const [id] = some(type, 1)
    return id === undefined ? {} : { [field]: { 'en-US': link(id) } }
  }
  const many = (field: string, ids: readonly string[]) => ({
    [field]: { 'en-US': ids.map((id) => link(id)) },
  })
  const article = (related: readonly string[]) =>
    add('article', {
      ...one('category', 'category'),
      ...one('author', 'author'),
      ...many('related', related),
    })
  const keep = (type: ContentType, id: string) => byType.set(type, [...(byType.get(type) ?? []), id])

  const most = (type: keyof typeof SHARES) => Math.ceil(count * SHARES[type])
  const circular = Math.round(count * share)
  for (let n = 0; n < most('category'); n++) keep('category', add('category', one('parent', 'category')))
  for (let n = 0; n < most('author'); n++) keep('author', add('author', {}))
  let circles = 0
  for (let left = circular; left > 1; circles++) {
    const size = left <= 6 ? left : (CIRCLES[circles % CIRCLES.length] as number)
    const ids = Array.from({ length: size }, () => article([]))
    for (const [at, id] of ids.entries()) {
      const entry = made.find((each) => each.id === id) as Content
      Object.assign(entry.fields, many('related', [ids[(at + 1) % size] as string]))
    }
    left -= size
  }
  while (made.length < count - most('page')) keep('article', article(some('article', 3)))
  while (made.length < count)
    keep('page', add('page', { ...one('parent', 'page'), ...many('articles', some('article', 4)) }))
  return { entries: made, circles, circular }
}

/** The same as contentful-export writes it. */
export const exportOf = (entries: readonly Content[]) => ({
  ...{ contentTypes: [], editorInterfaces: [], assets: [], tags: [], webhooks: [] },
  locales: [],
  entries: entries.map(({ type, id, fields }) => ({
    sys: { type: 'Entry', id, version: 2, publishedVersion: 1, contentType: link(type, 'ContentType') },
    fields,
  })),
})
