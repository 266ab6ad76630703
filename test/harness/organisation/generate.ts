import type { Document, NodeKey } from '../../../src/config-hub/index/entry.ts'
import { seeded } from '../seeded.ts'
import { ACCESS } from './access.ts'
import { type Draft, draftOf, type Frame, type Layout, type Planted } from './draft.ts'
import { ENTITIES } from './entities.ts'
import { FLOWS } from './flows.ts'
import { layoutOf, mix, TYPES, type TypeOfOrganisation } from './layout.ts'
import { MODEL } from './model.ts'
import { sizeOf } from './prose.ts'

/** One configuration, and what was planted in it. */
export type Generated = NodeKey & { type: TypeOfOrganisation; document: Document; planted: Planted[] }

const BUILDERS = { ...ENTITIES, ...FLOWS, ...MODEL, ...ACCESS } as Record<
  TypeOfOrganisation,
  (draft: Draft, layout: Layout) => Document
>

/** Median of characters and spread of its logarithm, where documents are not as long as they have to be. */
const SIZES: Partial<Record<TypeOfOrganisation, [median: number, spread: number]>> = {
  journey: [8_000, 1.15],
  portal_config: [14_000, 0.9],
  emailtemplate: [4_000, 1],
  schema: [5_000, 0.9],
  entity_mapping: [2_200, 1],
  automation_flow: [2_200, 0.7],
  flow_template: [3_000, 0.7],
  workflow_definition: [2_500, 0.7],
  custom_variable: [1_800, 1],
  app: [3_000, 1],
}
const OTHERS: [number, number] = [1_500, 0.7]
const LONGEST = 125_000

/**
 * An organisation of that many configurations (at least 33, one of each type): always the same for a seed, one at a
 * time. References go to few configurations often and to most seldom; some dangle, some go round.
 */
export function* generate({ seed, documents }: { seed: number; documents: number }): Generator<Generated> {
  const frame: Frame = { seed, layout: layoutOf(documents) }
  for (const type of TYPES) for (let n = 0; n < frame.layout[type]; n++) yield generateOne(frame, type, n)
}

/** Any one of them, without those before it. */
export function generateOne(frame: Frame, type: TypeOfOrganisation, n: number): Generated {
  const [median, spread] = SIZES[type] ?? OTHERS
  const size = sizeOf(seeded(mix(frame.seed, TYPES.indexOf(type), n, 7)), median, spread, LONGEST)
  const draft = draftOf(frame, type, n, size)
  const document = BUILDERS[type](draft, frame.layout)
  return { type, id: draft.id, document, planted: draft.planted }
}
