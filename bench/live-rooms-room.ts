/** The room that all servers of the bench have. */
export const EVENT = 'bench-room'
