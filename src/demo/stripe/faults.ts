import type { Answer } from './answers.ts'
import { broken, rateLimited } from './answers.ts'

export type Fault = {
  /** `GET`; left out: any. */
  method?: string
  /** The path begins so, as `/v1/prices`; left out: any. */
  path?: string
  /** So many requests that fit are let by first; 0 unless set. */
  after?: number
  /** How many are met; 1 unless set. */
  times?: number
  /**
   * - `limited`: 429, with Retry-After where `retryAfter` (seconds) is set.
   * - `broken`: 500, nothing was done.
   * - `lost`: it was done, and the connection ends before the answer.
   * - `refused`: nothing was done, and the connection ends.
   */
  kind: 'limited' | 'broken' | 'lost' | 'refused'
  retryAfter?: number
  status?: number
}

/** Faults still to come; `pick` answers which one meets a request, and counts it. */
export function faultsOf() {
  const waiting: Fault[] = []
  return {
    add: (fault: Fault): void => void waiting.push({ ...fault }),
    clear: (): void => void waiting.splice(0),
    pick(method: string, path: string): Fault | undefined {
      const fits = waiting.find(
        (each) => (each.method ?? method) === method && path.startsWith(each.path ?? '/'),
      )
      if (!fits) return undefined
      if ((fits.after ?? 0) > 0) {
        fits.after = (fits.after as number) - 1
        return undefined
      }
      fits.times = (fits.times ?? 1) - 1
      if (fits.times <= 0) waiting.splice(waiting.indexOf(fits), 1)
      return fits
    },
  }
}

export const answerOf = (fault: Fault): Answer =>
  fault.kind === 'limited' ? rateLimited(fault.retryAfter) : broken(fault.status)
