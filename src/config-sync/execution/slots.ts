/** Requests to one place at once, counted over all of a process. */
export type Slots = {
  /** Waits for a slot; answers what gives it back. */
  take(): Promise<() => void>
}

export function slots(most: number): Slots {
  let free = most
  const waiting: (() => void)[] = []
  const release = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  return {
    async take() {
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let given = false
      return () => {
        if (!given) release()
        given = true
      }
    },
  }
}

const places = new WeakMap<object, Map<string, { most: number; slots: Slots }>>()

/** The slots of a place, the same for all jobs of the process; `owner` stands for the process. */
export function slotsOf(owner: object, place: string, most: number): Slots {
  const own = places.get(owner) ?? new Map<string, { most: number; slots: Slots }>()
  places.set(owner, own)
  const known = own.get(place)
  if (known?.most === most) return known.slots
  const made = slots(most)
  own.set(place, { most, slots: made })
  return made
}
