/** The channel that every organisation has; it can be renamed and never archived. */
export const DEFAULT_CHANNEL = 'general'

/** Contract: at most 4 channels are active. The table has as many places. */
export const MAX_ACTIVE_CHANNELS = 4
