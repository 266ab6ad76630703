import { invalid } from './answers.ts'

export type Form = { [name: string]: string | Form }

/** `recurring[interval]=month` as Stripe reads it. A name given twice keeps its last value. */
export function parseForm(text: string): Form {
  const form: Form = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const [first = '', ...rest] = name.replaceAll(']', '').split('[')
    let level = form
    let key = first
    for (const part of rest) {
      const next = level[key]
      const inner: Form = typeof next === 'object' ? next : Object.create(null)
      level[key] = inner
      level = inner
      key = part === '' ? String(Object.keys(level).length) : part
    }
    level[key] = value
  }
  return form
}

/** Refuses what the endpoint does not know, as Stripe does. */
export function only(form: Form, names: readonly string[]): void {
  for (const name of Object.keys(form))
    if (!names.includes(name)) throw invalid(`Received unknown parameter: ${name}`, name, 'parameter_unknown')
}

export function textOf(form: Form, name: string): string | undefined {
  const value = form[name]
  if (value !== undefined && typeof value !== 'string') throw invalid(`Invalid string: ${name}`, name)
  return value
}

export function requiredText(form: Form, name: string): string {
  const value = textOf(form, name)
  if (value === undefined || value === '')
    throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing')
  return value
}

export function wholeOf(form: Form, name: string, least = 0): number | undefined {
  const value = textOf(form, name)
  if (value === undefined) return undefined
  if (!/^-?\d{1,12}$/.test(value))
    throw invalid(`Invalid integer: ${value}`, name, 'parameter_invalid_integer')
  if (Number(value) < least)
    throw invalid(`This value must be greater than or equal to ${least}.`, name, 'parameter_invalid_integer')
  return Number(value)
}

export function flagOf(form: Form, name: string): boolean | undefined {
  const value = textOf(form, name)
  if (value === undefined) return undefined
  if (value !== 'true' && value !== 'false') throw invalid(`Invalid boolean: ${value}`, name)
  return value === 'true'
}

/** Values of a nested group, all texts; an empty text removes one. */
export function groupOf(form: Form, name: string): Record<string, string> | undefined {
  const value = form[name]
  if (value === undefined) return undefined
  if (typeof value === 'string') {
    if (value === '') return {}
    throw invalid(`Invalid object: ${name}`, name)
  }
  const texts = Object.entries(value).filter((each): each is [string, string] => typeof each[1] === 'string')
  if (texts.length < Object.keys(value).length) throw invalid(`Invalid object: ${name}`, name)
  return Object.fromEntries(texts)
}
