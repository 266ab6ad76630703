import { hash } from 'node:crypto'
import { canonical } from '../../operation/plan.ts'
import type { SourceRecord } from './definition.ts'

const MODULUS = 1n << 256n

/** SHA-256 of the canonical record, hex: what tells versions and conflicts apart. */
export const hashOf = ({ sourceKind, key, updatedAt, content }: SourceRecord): string =>
  hash('sha256', canonical([sourceKind, key, updatedAt.toISOString(), content]))

/**
 * A digest moved on: the sum mod 2^256 of the hashes of all records, so neither their order nor the pages they came in
 * make a difference, and one change is one subtraction and one addition.
 */
export function movedDigest(digest: string, gone: readonly string[], come: readonly string[]): string {
  let sum = BigInt(`0x${digest}`)
  for (const each of come) sum += BigInt(`0x${each}`)
  for (const each of gone) sum -= BigInt(`0x${each}`)
  const reduced = ((sum % MODULUS) + MODULUS) % MODULUS
  return reduced.toString(16).padStart(64, '0')
}

export const EMPTY_DIGEST = '0'.repeat(64)

/** As it is shown. */
export const digestText = (digest: string): string => `sync-digest-${digest}`
