import { randomBytes } from 'node:crypto'

/** Lower-case letters, digits and single hyphens of a title, at most so many; empty when it has none. */
export const slugOf = (title: string, most: number): string =>
  title
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, most)
    .replace(/-+$/, '')

/** An id that people recognise, in the form of the contracts: the title as a slug, and 8 hex digits. */
export const slugId = (title: string, fallback: string): string =>
  `${slugOf(title, 80) || fallback}-${randomBytes(4).toString('hex')}`
