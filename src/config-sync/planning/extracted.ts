import type { Document, EdgeKind, Name, NodeKey } from '../../config-hub/index/entry.ts'
import { extract } from '../../config-hub/references/extract.ts'
import { without } from '../../config-hub/references/path.ts'
import type { ConfigType } from '../../config-hub/types/definition.ts'
import type { SourceReference } from './input.ts'
import { isTelling } from './read-store.ts'

/** A name and what has it. */
export type NameOf = NodeKey & Pick<Name, 'kind'>
export type Names = ReadonlyMap<string, readonly NameOf[]>

type Bare = Omit<SourceReference, 'to'>

/** What a document names, whatever there is of that name: the same as the index says of it. */
export function namedIn(type: ConfigType, document: Document): Bare[] {
  const { declared, words, variables } = extract(type, document, without(document, type.volatile_paths))
  const as = (kind: EdgeKind) => (name: string) => ({ name, toType: '', kind, required: false })
  return [...declared, ...words.map(as('text')), ...variables.map(as('template'))]
}

/** References of a document to what has these names, its own left out of texts. */
export const resolvedBy = (own: NodeKey, bare: readonly Bare[], names: Names): SourceReference[] =>
  bare
    .map((reference) => ({ ...reference, to: answering(own, reference, names.get(reference.name) ?? []) }))
    .filter(isTelling)

function answering(own: NodeKey, { toType, kind }: Bare, named: readonly NameOf[]): NodeKey[] {
  const found = named.filter(
    (each) =>
      (toType === '' || each.type === toType) &&
      isAnsweredBy(kind, each.kind) &&
      !((kind === 'text' || kind === 'template') && each.type === own.type && each.id === own.id),
  )
  return [...new Map(found.map(({ type, id }) => [`${type}/${id}`, { type, id }])).values()]
}

/** As references are resolved in the index. */
const isAnsweredBy = (kind: EdgeKind, name: Name['kind']): boolean =>
  kind === 'any' ||
  kind === name ||
  (kind === 'text' && name !== 'variable') ||
  (kind === 'template' && name === 'variable')
