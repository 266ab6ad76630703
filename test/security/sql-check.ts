/** The sql`` templates of a source text, fragments inside others as statements of their own, and what is left. */
export function templatesOf(source: string): { templates: { at: number; text: string }[]; rest: string } {
  const templates: { at: number; text: string }[] = []
  /** Reads code until `end`; answers where it stopped and the code without its sql templates. */
  const code = (from: number, end: string | undefined): [number, string] => {
    let rest = ''
    let depth = 0
    for (let at = from; at < source.length; ) {
      if (source.startsWith('sql`', at) && !/[\w.]/.test(source[at - 1] ?? '')) {
        const [next, text] = template(at + 4)
        templates.push({ at, text })
        at = next
        continue
      }
      if (source[at] === '`') {
        const [next, text] = template(at + 1)
        rest += `\`${text}\``
        at = next
        continue
      }
      if (end !== undefined && depth === 0 && source[at] === end) return [at + 1, rest]
      if (source[at] === '{') depth++
      if (source[at] === '}') depth--
      rest += source[at++]
    }
    return [source.length, rest]
  }
  /** Reads a template until its closing backtick; expressions become `:value`. */
  const template = (from: number): [number, string] => {
    let text = ''
    for (let at = from; at < source.length; ) {
      if (source[at] === '`') return [at + 1, text]
      if (source[at] === '\\') {
        text += source.slice(at, at + 2)
        at += 2
        continue
      }
      if (source.startsWith('${', at)) {
        const [next] = code(at + 2, '}')
        text += ':value'
        at = next
        continue
      }
      text += source[at++]
    }
    return [source.length, text]
  }
  const [, rest] = code(0, undefined)
  return { templates, rest }
}

const REFERENCE =
  /\b(FROM|JOIN|INTO|UPDATE|USING)\s+(?:public\.)?"?(\w+)"?(?:\s+(?:AS\s+)?(?!(?:WHERE|SET|ON|USING|JOIN|ORDER|GROUP|LIMIT|FOR|LEFT|INNER|CROSS|VALUES|RETURNING|UNION)\b)(\w+))?/gi

/**
 * The references of a statement to tenant tables that no parameter binds to an organisation: neither directly
 * (`e.org = ${org}`) nor by way of another that is bound, or that is no tenant table (`s.org = k.org`).
 */
export function unbound(text: string, tenant: ReadonlySet<string>): string[] {
  const statement = text.replace(/--.*$/gm, '').replace(/\s+/g, ' ')
  const references = [...statement.matchAll(REFERENCE)].filter((match) => tenant.has(match[2]!))
  const inserted = references.filter((match) => match[1]!.toUpperCase() === 'INTO').map((match) => match[2]!)
  const named = references
    .filter((match) => match[1]!.toUpperCase() !== 'INTO')
    .map((match) => match[3] ?? match[2]!)
  const looseWithout = (settled: readonly string[]): string[] => {
    const open = new Set(named.filter((name) => !settled.includes(name)))
    const isBound = (name: string): boolean =>
      new RegExp(`\\b${name}\\.org = :value`, 'i').test(statement) ||
      [...statement.matchAll(/\b(\w+)\.org = (\w+)\.org\b/gi)].some(
        ([, left, right]) => (left === name && !open.has(right!)) || (right === name && !open.has(left!)),
      )
    for (let bound = [...open].find(isBound); bound; bound = [...open].find(isBound)) open.delete(bound)
    return [...open]
  }
  // an unqualified `org = ${org}` settles one reference: the one that leaves the fewest open
  const settled: string[] = []
  for (const _ of statement.matchAll(/(?<![\w.])org = :value/gi)) {
    const gain = (name: string) => looseWithout([...settled, name]).length
    settled.push(looseWithout(settled).sort((one, other) => gain(one) - gain(other))[0] ?? '')
  }
  const looseInserts = inserted.filter(
    (table) =>
      !new RegExp(
        `INTO ${table}(?: AS \\w+)? \\(\\s*org\\b[^)]*\\)\\s*(VALUES \\(|SELECT (?:DISTINCT )?):value`,
        'i',
      ).test(statement),
  )
  // a name that stands for several references needs as many conditions
  const repeated = [...new Set(named)].filter((name) => {
    const conditions = [...statement.matchAll(new RegExp(`\\b${name}\\.org\\b`, 'gi'))].length
    return (
      named.filter((each) => each === name).length > conditions + settled.length &&
      !looseWithout(settled).includes(name)
    )
  })
  return [...looseInserts, ...looseWithout(settled), ...repeated]
}
