/**
 * A hash of 53 bits, of an organisation and a word: what config_mentions keeps instead of the words. That some two of n
 * distinct words of an organisation meet has a chance of about n² / 2^54: for a million, one in eighteen thousand; what
 * follows is an edge to a name that the text does not have, until that configuration is indexed again.
 */
export function tokenHash(seed: number, text: string): number {
  // cyrb53 (public domain): two 32-bit multiplicative hashes in one pass
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 2_654_435_761)
    low = Math.imul(low ^ code, 1_597_334_677)
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909)
  return 4_294_967_296 * (2_097_151 & low) + (high >>> 0)
}

/** What the hashes of an organisation begin with. */
export const seedOf = (org: string): number => tokenHash(0, org) >>> 0

export const wordHash = (seed: number, word: string): number => tokenHash(seed, word)
/** A variable is no word of the same letters. */
export const variableHash = (seed: number, name: string): number => tokenHash(seed, `{{${name}`)
