import { same } from '../../config-store/rules.ts'
import { at, without } from '../references/path.ts'
import type { ConfigType } from '../types/definition.ts'
import { ConnectorError, type Item } from './connector.ts'
import { present } from './countersign.ts'
import { afterWrite, completing, type Place, send } from './request.ts'
import { changed, idIn, isOwn, isStill, itemOf } from './rest-item.ts'
import { type restReader, withId } from './rest-read.ts'
import { isWhole } from './rest-rules.ts'

/** What a mapping says comes after a write, or before a deletion, and is part of it. */
export function aroundWrites({ resourceOf, get }: ReturnType<typeof restReader>, place: Place) {
  /** What belongs to a write and comes after it, and the item as it is then. */
  const finish = async (type: ConfigType, item: Item, signal?: AbortSignal): Promise<Item> => {
    const resource = resourceOf(type)
    if (!resource.after_write) return item
    const { method, path, item_path, revision_header } = resource.after_write
    if (revision_header !== undefined && !isOwn(item.revision))
      throw new ConnectorError('unfinished', 'It was written, and the place does not say its revision.')
    const revised = revision_header === undefined ? {} : { [revision_header]: item.revision }
    const { body, headers } = await completing(() =>
      send(place, {
        ...{ method, path: withId(path, item.id), headers: { ...resource.headers, ...revised }, signal },
        repeatable: revision_header === undefined,
      }),
    )
    const answered = at(body, item_path)
    const told =
      idIn(resource, answered) === item.id ? itemOf(type, resource, answered, headers.etag) : undefined
    return told && isWhole(item.document, told.document) && isOwn(told.revision) === isOwn(item.revision)
      ? told
      : afterWrite(() => present(get, type, item.id, signal))
  }
  /** What comes before a deletion and is part of it; the revision that is to be deleted then. */
  const released = async (
    type: ConfigType,
    of: string,
    ifRevision: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> => {
    const resource = resourceOf(type)
    if (!resource.before_delete) return ifRevision
    const { method, path, item_path, revision_header } = resource.before_delete
    const before = await present(get, type, of, signal)
    const { revision } = before
    if (ifRevision !== undefined && !isStill(before, ifRevision)) throw changed(type, of)
    const revised = revision_header !== undefined && isOwn(revision) ? { [revision_header]: revision } : {}
    const reply = await send(place, {
      ...{ method, path: withId(path, of), headers: { ...resource.headers, ...revised }, signal },
      repeatable: true,
    })
    const { status, uncertain, body, headers } = reply
    if (!uncertain && (status === 409 || status === 412)) throw changed(type, of)
    // where it was done already the place may refuse it: whether that matters, the deletion tells
    if (!uncertain && status >= 300) return revision
    const answered = at(body, item_path)
    const told = status < 300 && idIn(resource, answered) === of
    const now = told ? itemOf(type, resource, answered, headers.etag) : undefined
    if (now && isOwn(now.revision)) return now.revision
    const after = await present(get, type, of, signal)
    const [was, is] = [before, after].map(({ document }) => without(document, type.volatile_paths))
    if (!same(was, is))
      throw new ConnectorError(
        'unfinished',
        'What comes before its deletion was done, and it changed meanwhile.',
      )
    return after.revision
  }
  return { finish, released }
}
