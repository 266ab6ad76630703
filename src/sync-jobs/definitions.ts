import type { SyncJobDefinition } from './engine/definition.ts'

/** Every sync job. */
export const DEFINITIONS: readonly SyncJobDefinition[] = []
