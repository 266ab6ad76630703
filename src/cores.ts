import { writeFileSync } from 'node:fs'

/**
 * Has the system leave memory out of core dumps of this process and of those that it starts: tokens and keys are in it.
 * Linux obeys this whatever its limits and its handler of core dumps are (a limit of 0 does not hold for dumps that go
 * to a program). Elsewhere only the limit counts, which `bin/countersign.mjs` sets.
 */
export function withoutCores(): void {
  if (process.platform !== 'linux') return
  try {
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // without /proc, or where it is read-only, the operator's limit is what there is
  }
}
