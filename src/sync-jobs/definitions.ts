import type { SyncJobDefinition } from './engine/definition.ts'
import { stripeCatalog } from './stripe-catalog/definition.ts'

/** Every sync job. */
export const DEFINITIONS: readonly SyncJobDefinition[] = [stripeCatalog]
