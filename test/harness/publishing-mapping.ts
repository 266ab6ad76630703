import { type PublishingPlace, SPACE } from './publishing-place.ts'

const VERSION = 'X-Contentful-Version'

/** What a mapping says of entries of one content type. */
export const entriesOf = (contentType: string) => ({
  headers: { 'X-Contentful-Content-Type': contentType },
  list: {
    ...{ path: '/entries', items_path: '/items', query: { content_type: contentType } },
    ...{ page_size: 100, paging: { style: 'offset', offset_param: 'skip' } },
  },
  get: { path: '/entries/{id}' },
  create: { method: 'PUT', path: '/entries/{id}', refuses_existing: true },
  put: { path: '/entries/{id}' },
  delete: { path: '/entries/{id}' },
  before_delete: { path: '/entries/{id}/published', revision_header: VERSION },
  after_write: { path: '/entries/{id}/published', revision_header: VERSION },
  ...{ id_path: '/sys/id', revision: '/sys/version', revision_header: VERSION },
  ...{ checks_references: true, link_path: '/sys/id' },
})

/** A type of configuration whose documents are entries; `links` are its fields that refer to others, by their type. */
export const entryType = (type: string, links: Readonly<Record<string, string>>, connector = 'store') => ({
  ...{ type, connector, id_path: '/sys/id', title_paths: ['/fields/title/en-US'], scan: false },
  references: Object.entries(links).flatMap(([field, to]) => [
    { path: `/fields/${field}/*/sys/id`, type: to },
    { path: `/fields/${field}/*/*/sys/id`, type: to },
  ]),
  volatile_paths: ['type', 'version', 'publishedVersion', 'contentType', 'space', 'environment'].map(
    (name) => `/sys/${name}`,
  ),
})

export const publishingMapping = (
  { url }: PublishingPlace,
  contentTypes: readonly string[],
  limits: Record<string, number> = {},
) => ({
  base_url: url + SPACE,
  limits,
  types: Object.fromEntries(contentTypes.map((each) => [each, entriesOf(each)])),
})
