/** Type oids of PostgreSQL's catalogue, which never change. */
const OIDS = { text: 25, json: 114 } as const

/**
 * A list of long texts as PostgreSQL's array of them in the binary form of the protocol, for a parameter `::json[]` or
 * `::text[]`: neither side escapes or parses it, which for documents takes longer than writing them.
 */
export function binaryArray(type: keyof typeof OIDS, values: readonly (string | null)[]): Buffer {
  const lengths = values.map((value) => (value === null ? -1 : Buffer.byteLength(value)))
  const size = lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), 0)
  const isEmpty = values.length === 0
  const buffer = Buffer.allocUnsafe((isEmpty ? 12 : 20) + size)
  // dimensions, whether there are nulls, the type of elements; of the one dimension its length and first index
  buffer.writeInt32BE(isEmpty ? 0 : 1, 0)
  buffer.writeInt32BE(lengths.includes(-1) ? 1 : 0, 4)
  buffer.writeInt32BE(OIDS[type], 8)
  if (isEmpty) return buffer
  buffer.writeInt32BE(values.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = 20
  for (const [index, value] of values.entries()) {
    at = buffer.writeInt32BE(lengths[index] as number, at)
    if (value !== null) at += buffer.write(value, at)
  }
  return buffer
}
