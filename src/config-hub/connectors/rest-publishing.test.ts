import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Entry,
  link,
  type PublishingPlace,
  publishingPlace,
  SPACE,
} from '../../../test/harness/publishing-place.ts'
import { bucket } from '../../outgoing/bucket.ts'
import { TypeDefinition } from '../types/definition.ts'
import type { Connector, ConnectorError, Item } from './connector.ts'
import { parseMapping, RestMapping } from './mapping.ts'
import { PLACE_DEFAULTS } from './request.ts'
import { restConnector } from './rest.ts'

let place: PublishingPlace
beforeEach(async () => {
  place = await publishingPlace()
})
afterEach(() => place.close())

const TYPE = {
  ...TypeDefinition.parse({ type: 'page', label: 'P', icon: 'x', source_api: 'x', sdk_client: 'x' }),
  custom: true,
}
const PAGE = {
  headers: { 'X-Contentful-Content-Type': 'page' },
  list: {
    ...{ path: '/entries', items_path: '/items', query: { content_type: 'page' } },
    ...{ paging: { style: 'offset', offset_param: 'skip' } },
  },
  get: { path: '/entries/{id}' },
  create: { method: 'PUT', path: '/entries/{id}', refuses_existing: true },
  put: { path: '/entries/{id}' },
  delete: { path: '/entries/{id}' },
  before_delete: { path: '/entries/{id}/published', revision_header: 'X-Contentful-Version' },
  after_write: { path: '/entries/{id}/published', revision_header: 'X-Contentful-Version' },
  id_path: '/sys/id',
  revision: '/sys/version',
  revision_header: 'X-Contentful-Version',
  checks_references: true,
  link_path: '/sys/id',
}

function connector(more: Record<string, unknown> = {}): Connector {
  const base_url = place.url + SPACE
  const mapping = RestMapping.parse({ base_url, types: { page: { ...PAGE, ...more } } })
  return restConnector('place', mapping, {
    ...{ ...PLACE_DEFAULTS, baseUrl: base_url, headers: {}, bucket: bucket({ concurrency: 8 }) },
    ...{ allowPrivate: true, random: () => 0 },
  })
}
const failure = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => expect.unreachable(),
    (error) => error,
  )
const titled = (title: string, to: string[] = []) => ({
  fields: { title: { 'en-US': title }, next: { 'en-US': to.map((id) => link(id)) } },
})
const asked = (): string[] => place.asked.splice(0)
const published = (id: string) => place.entries.get(id)?.publishedVersion

describe('[CN-17] headers of a type', () => {
  test('go with all of its requests, and carry no credential', async () => {
    await connector().create(TYPE, titled('One'), { id: 'one' })
    expect(place.entries.get('one')?.contentType).toBe('page')
    const wrong = { headers: { 'X-Api-Key': 'secret' } }
    expect(() => connector(wrong)).toThrow('carries a credential')
  })
})

describe('[CN-18] a place that compares revisions in a header of its own', () => {
  test('is told the revision with each change, which nothing is read for, and answers stale to another one', async () => {
    const at = connector({ after_write: undefined })
    const made = await at.create(TYPE, titled('One'), { id: 'one' })
    expect(at.capabilities('page')).toContain('guarded-write')
    asked()
    const changed = await at.patch(...([TYPE, 'one', { fields: { note: { 'en-US': 'n' } } }] as const), {
      ifRevision: made.revision,
      known: made.document,
    })
    expect([changed.revision, asked()]).toEqual(['2', ['PUT /entries/one']])
    expect(place.entries.get('one')?.fields).toEqual({ ...titled('One').fields, note: { 'en-US': 'n' } })
    const again = () => at.put(TYPE, 'one', titled('Two'), { ifRevision: made.revision })
    expect((await failure(again())).kind).toBe('stale')
    expect((await failure(at.patch(TYPE, 'one', { a: 1 }, { ifRevision: '1', known: {} }))).kind).toBe(
      'stale',
    )
    expect(asked()).toEqual(['PUT /entries/one', 'PUT /entries/one'])
    expect(place.entries.get('one')?.version).toBe(2)
  })

  test('is asked for the revision where the caller names none', async () => {
    const at = connector({ after_write: undefined })
    await at.create(TYPE, titled('One'), { id: 'one' })
    await at.put(TYPE, 'one', titled('Two'), {})
    expect((await at.patch(TYPE, 'one', { fields: titled('Three').fields }, {})).revision).toBe('3')
  })
})

describe('[CN-19] a create at an id', () => {
  test('of a place that refuses what exists is one request, and stale where something is', async () => {
    const at = connector({ after_write: undefined })
    expect(at.capabilities('page')).toContain('refuses-existing')
    await at.create(TYPE, titled('One'), { id: 'one' })
    expect(asked()).toEqual(['PUT /entries/one'])
    const error = await failure(at.create(TYPE, titled('Another'), { id: 'one' }))
    expect([error.kind, error.unknown]).toEqual(['stale', false])
    expect(place.entries.get('one')?.fields).toEqual(titled('One').fields)
  })

  test('is not sent again when its answer is lost, since the second one would be refused', async () => {
    place.fate = () => 'unanswered'
    const error = await failure(connector().create(TYPE, titled('One'), { id: 'one' }))
    expect([error.unknown, asked()]).toEqual([true, ['PUT /entries/one']])
  })
})

describe('[CN-20] what comes after a write', () => {
  test('is part of each create and change, whose item is that afterwards', async () => {
    const at = connector()
    const made = await at.create(TYPE, titled('One'), { id: 'one' })
    expect([made.revision, asked()]).toEqual(['2', ['PUT /entries/one', 'PUT /entries/one/published']])
    const changed = await at.put(TYPE, 'one', titled('Two'), { ifRevision: made.revision })
    expect([changed.revision, published('one')]).toEqual(['4', 3])
    const patched = await at.patch(TYPE, 'one', { fields: { note: { 'en-US': 'n' } } }, { ifRevision: '4' })
    expect([patched.revision, published('one'), place.unpublished()]).toEqual(['6', 5, []])
  })

  test('that is refused is told as refused after the write, and can be done later', async () => {
    const at = connector()
    const error = await failure(at.create(TYPE, titled('One', ['two']), { id: 'one' }))
    expect([error.kind, error.unknown]).toEqual(['unfinished', false])
    expect(error.message).toBe('It was written, and the place answers 422 after that.')
    expect(place.unpublished()).toEqual(['one'])
    await at.create(TYPE, titled('Two'), { id: 'two' })
    const left = (await at.get(TYPE, 'one')) as Item
    expect((await at.finish?.(TYPE, left))?.revision).toBe('2')
    expect(place.unpublished()).toEqual([])
  })

  test('and has no answer leaves open what became of it, and is done once more without harm', async () => {
    const at = connector()
    place.fate = (each) => (each.endsWith('/published') ? 'unanswered' : undefined)
    const error = await failure(at.create(TYPE, titled('One'), { id: 'one' }))
    expect([error.kind, error.unknown]).toEqual(['unavailable', true])
    place.fate = () => undefined
    const found = (await at.get(TYPE, 'one')) as Item
    expect((await at.finish?.(TYPE, found))?.revision).toBe('3')
    expect([published('one'), place.unpublished()]).toEqual([2, []])
  })

  test('needs a mapping that can say what it has come to', async () => {
    const yaml = (lines: string) =>
      `base_url: http://x.example\ntypes:\n  page:\n    list: { path: /pages }\n${lines}\n`
    const wrong = {
      '    after_write: { path: "/pages/{id}/live" }': 'line 5: needs get',
      '    revision_header: X-Version': 'line 5: needs revision, as a pointer',
      '    before_delete: { path: "/pages/{id}/live" }': 'line 5: needs get',
      '    link_path: /sys/id': 'line 5: needs checks_references',
      '    revision: /v\n    revision_header: If-Match': 'line 6: is set by each request itself',
      '    get: { path: "/pages/{id}" }\n    after_write: { path: "/{id}", revision_header: X-Version }':
        'line 6: needs revision, as a pointer',
    }
    for (const [lines, message] of Object.entries(wrong))
      await expect(parseMapping(yaml(lines)), lines).rejects.toMatchObject({
        options: { detail: expect.stringContaining(message) },
      })
  })
})

test('[CN-22] what precedes a deletion is part of it, whoever did it before', async () => {
  const at = connector()
  for (const ahead of [false, true]) {
    const { revision } = await at.create(TYPE, titled('One'), { id: 'one' })
    expect((await failure(at.remove(TYPE, 'one', { ifRevision: '1' }))).kind).toBe('stale')
    expect(place.unpublished()).toEqual([])
    asked()
    const entry = place.entries.get('one') as Entry
    if (ahead) entry.publishedVersion = undefined
    await at.remove(TYPE, 'one', { ifRevision: revision })
    expect(place.entries.size).toBe(0)
    expect(asked().filter((each) => !each.startsWith('GET'))).toEqual([
      'DELETE /entries/one/published',
      'DELETE /entries/one',
    ])
  }
  await at.create(TYPE, titled('One'), { id: 'one' })
  place.fate = (each) => {
    const entry = place.entries.get('one')
    // another one publishes it again in between
    if (entry && each === 'DELETE /entries/one') place.entries.set('one', { ...entry, publishedVersion: 1 })
    return undefined
  }
  const error = await failure(at.remove(TYPE, 'one', {}))
  expect([error.kind, error.message]).toEqual([
    'unfinished',
    'What comes before its deletion was done, and then: The place answers 400.',
  ])
})
