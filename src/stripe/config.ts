import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'

/** The Stripe account of one organisation. */
export type StripeAccount = {
  org: string
  /** Secret or restricted; it says by itself whether it is a live one. */
  key: string
  /** All that are valid now: two while one is replaced by another. */
  webhookSecrets?: readonly string[]
  /** Instead of https://api.stripe.com. */
  url?: string | undefined
  requestsPerSecond?: number | undefined
}

export type StripeConfig = { accounts: readonly StripeAccount[] }

/** What the environment says of Stripe. */
export type StripeValues = {
  COUNTERSIGN_STRIPE_KEY?: string | undefined
  COUNTERSIGN_STRIPE_ORG?: string | undefined
  COUNTERSIGN_STRIPE_WEBHOOK_SECRET?: string | undefined
  COUNTERSIGN_STRIPE_URL?: string | undefined
  COUNTERSIGN_STRIPE_RATE?: number | undefined
  COUNTERSIGN_STRIPE_ACCOUNTS_FILE?: string | undefined
  COUNTERSIGN_DEFAULT_ORG?: string | undefined
}

const Slug = z.string().regex(/^[a-z0-9](-?[a-z0-9])*$/)
const Key = z.string().regex(/^(sk|rk)_(test|live)_\w{8,250}$/)
const WebhookSecret = z.string().regex(/^whsec_[\w+/=-]{8,250}$/)
/** 100 is what Stripe allows a live account (docs.stripe.com/rate-limits). */
const Rate = z.coerce.number().min(0.1).max(100)

/** Keys travel to it, so it is encrypted unless it is on this machine. */
const isStripeUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, origin } = new URL(text)
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return origin === text && (protocol === 'https:' || (isLoopback && protocol === 'http:'))
}

/** The variables, for the schema of the environment. */
export const StripeEnv = {
  COUNTERSIGN_STRIPE_KEY: z
    .string()
    .refine((text) => Key.safeParse(text).success, 'must be a secret or restricted key of Stripe')
    .optional(),
  COUNTERSIGN_STRIPE_ORG: z
    .string()
    .refine((text) => Slug.safeParse(text).success, 'must be an organisation’s slug')
    .optional(),
  COUNTERSIGN_STRIPE_WEBHOOK_SECRET: z
    .string()
    .refine(
      (text) => secretsIn(text).every((each) => WebhookSecret.safeParse(each).success),
      'must be a signing secret of Stripe (whsec_…), or several with commas between',
    )
    .optional(),
  COUNTERSIGN_STRIPE_URL: z
    .string()
    .refine(isStripeUrl, 'must be an https:// origin (http:// on loopback)')
    .optional(),
  COUNTERSIGN_STRIPE_RATE: z
    .string()
    .refine((text) => Rate.safeParse(text).success, 'must be requests per second, from 0.1 to 100')
    .transform(Number)
    .optional(),
  COUNTERSIGN_STRIPE_ACCOUNTS_FILE: z.string().max(4000).optional(),
}

const AccountsFile = z.strictObject({
  accounts: z
    .array(
      z.strictObject({
        org: Slug,
        key: Key,
        webhook_secrets: z.array(WebhookSecret).max(5).default([]),
        url: z.string().refine(isStripeUrl).optional(),
        requests_per_second: z.number().min(0.1).max(100).optional(),
      }),
    )
    .min(1)
    .max(1000),
})

const secretsIn = (text: string): string[] => text.split(',').map((each) => each.trim())

const SINGLE = [
  'COUNTERSIGN_STRIPE_KEY',
  'COUNTERSIGN_STRIPE_ORG',
  'COUNTERSIGN_STRIPE_WEBHOOK_SECRET',
  'COUNTERSIGN_STRIPE_URL',
  'COUNTERSIGN_STRIPE_RATE',
] as const

/** Which organisation has which account; undefined without any. What is wrong is added to `mistakes`, never with a value. */
export function readStripe(values: StripeValues, mistakes: string[]): StripeConfig | undefined {
  const given = SINGLE.filter((name) => values[name] !== undefined)
  if (values.COUNTERSIGN_STRIPE_ACCOUNTS_FILE !== undefined) {
    if (given.length > 0)
      mistakes.push(
        `COUNTERSIGN_STRIPE_ACCOUNTS_FILE takes the place of ${given.join(', ')}: use one of both`,
      )
    return readAccounts(values.COUNTERSIGN_STRIPE_ACCOUNTS_FILE, mistakes)
  }
  if (given.length === 0) return undefined
  const key = values.COUNTERSIGN_STRIPE_KEY
  const org = values.COUNTERSIGN_STRIPE_ORG ?? values.COUNTERSIGN_DEFAULT_ORG
  if (key === undefined) mistakes.push(`COUNTERSIGN_STRIPE_KEY is required with ${given.join(' and ')}`)
  else if (org === undefined)
    mistakes.push(
      'COUNTERSIGN_STRIPE_ORG is required with COUNTERSIGN_STRIPE_KEY: there is no default organisation',
    )
  if (key === undefined || org === undefined) return undefined
  const account: StripeAccount = {
    org,
    key,
    webhookSecrets:
      values.COUNTERSIGN_STRIPE_WEBHOOK_SECRET === undefined
        ? []
        : secretsIn(values.COUNTERSIGN_STRIPE_WEBHOOK_SECRET),
    url: values.COUNTERSIGN_STRIPE_URL,
    requestsPerSecond: values.COUNTERSIGN_STRIPE_RATE,
  }
  return { accounts: [account] }
}

function readAccounts(file: string, mistakes: string[]): StripeConfig | undefined {
  const wrong = (what: string): undefined => {
    mistakes.push(`COUNTERSIGN_STRIPE_ACCOUNTS_FILE ${what}`)
    return undefined
  }
  const text = readText(file)
  if (text === undefined) return wrong('must be a readable file')
  // it is full of keys
  if ((statSync(file).mode & 0o077) !== 0) return wrong('must be readable by its owner alone (chmod 600)')
  const result = AccountsFile.safeParse(parsed(text))
  if (!result.success) {
    const places = result.error.issues.map((issue) => issue.path.join('.') || 'the whole')
    return wrong(`must be JSON as documented; see ${[...new Set(places)].slice(0, 5).join(', ')}`)
  }
  const { accounts } = result.data
  if (repeated(accounts.map(({ org }) => org))) return wrong('names an organisation twice')
  if (repeated(accounts.map(({ key }) => key))) return wrong('gives one key to two organisations')
  return {
    accounts: accounts.map(({ org, key, webhook_secrets, url, requests_per_second }) => ({
      org,
      key,
      webhookSecrets: webhook_secrets,
      url,
      requestsPerSecond: requests_per_second,
    })),
  }
}

const repeated = (texts: readonly string[]): boolean => new Set(texts).size < texts.length

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
