import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../config.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-stripe-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (env: NodeJS.ProcessEnv) => readConfig({ COUNTERSIGN_DATA_DIR: folder, ...env }).stripe

const mistakesOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    read(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

const KEY = 'rk_test_51abcdefghijklmnop'
let files = 0
const fileOf = (content: unknown, mode = 0o600): string => {
  const file = path.join(folder, `accounts-${++files}.json`)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  chmodSync(file, mode)
  return file
}

test('[ST-5] without a variable there is no account; one key is the default organisation’s', () => {
  expect(read({})).toBeUndefined()
  expect(read({ COUNTERSIGN_DEFAULT_ORG: 'laurel' })).toBeUndefined()
  expect(read({ COUNTERSIGN_STRIPE_KEY: KEY, COUNTERSIGN_DEFAULT_ORG: 'laurel' })).toEqual({
    accounts: [{ org: 'laurel', key: KEY, webhookSecrets: [], url: undefined, requestsPerSecond: undefined }],
  })
  const whole = {
    COUNTERSIGN_STRIPE_KEY: KEY,
    COUNTERSIGN_DEFAULT_ORG: 'laurel',
    COUNTERSIGN_STRIPE_ORG: 'maple',
    COUNTERSIGN_STRIPE_WEBHOOK_SECRET: 'whsec_aaaaaaaa, whsec_bbbbbbbb',
    COUNTERSIGN_STRIPE_URL: 'http://127.0.0.1:9999',
    COUNTERSIGN_STRIPE_RATE: '7.5',
  }
  expect(read(whole)?.accounts).toEqual([
    {
      org: 'maple',
      key: KEY,
      webhookSecrets: ['whsec_aaaaaaaa', 'whsec_bbbbbbbb'],
      url: 'http://127.0.0.1:9999',
      requestsPerSecond: 7.5,
    },
  ])
})

test.each([
  ['COUNTERSIGN_STRIPE_KEY', { COUNTERSIGN_STRIPE_KEY: 'pk_test_51abcdefghijklmnop' }],
  ['COUNTERSIGN_STRIPE_ORG', { COUNTERSIGN_STRIPE_KEY: KEY }],
  ['COUNTERSIGN_STRIPE_KEY', { COUNTERSIGN_STRIPE_WEBHOOK_SECRET: 'whsec_aaaaaaaa' }],
  ['COUNTERSIGN_STRIPE_WEBHOOK_SECRET', { COUNTERSIGN_STRIPE_WEBHOOK_SECRET: 'whsec_aaaaaaaa,nonsense' }],
  ['COUNTERSIGN_STRIPE_URL', { COUNTERSIGN_STRIPE_URL: 'http://api.stripe.example' }],
  ['COUNTERSIGN_STRIPE_URL', { COUNTERSIGN_STRIPE_URL: 'https://api.stripe.example/v1' }],
  ['COUNTERSIGN_STRIPE_RATE', { COUNTERSIGN_STRIPE_RATE: '1000' }],
  ['COUNTERSIGN_STRIPE_ACCOUNTS_FILE', { COUNTERSIGN_STRIPE_ACCOUNTS_FILE: '/nonexistent/accounts.json' }],
])('[ST-5] a mistake in %s is named without its value', (name, env) => {
  const mistakes = mistakesOf(env)
  expect(mistakes).toHaveLength(1)
  expect(mistakes[0]).toMatch(new RegExp(`^${name} `))
  for (const value of Object.values(env)) expect(mistakes[0]).not.toContain(value)
})

test('[ST-5] several accounts come from a file that its owner alone can read', () => {
  const accounts = [
    { org: 'laurel', key: KEY, webhook_secrets: ['whsec_aaaaaaaa'], requests_per_second: 5 },
    { org: 'maple', key: 'sk_live_51abcdefghijklmnop', url: 'https://proxy.example' },
  ]
  const file = fileOf({ accounts })
  expect(read({ COUNTERSIGN_STRIPE_ACCOUNTS_FILE: file })?.accounts).toEqual([
    { org: 'laurel', key: KEY, webhookSecrets: ['whsec_aaaaaaaa'], url: undefined, requestsPerSecond: 5 },
    {
      org: 'maple',
      key: 'sk_live_51abcdefghijklmnop',
      webhookSecrets: [],
      url: 'https://proxy.example',
      requestsPerSecond: undefined,
    },
  ])
  const wrong = (COUNTERSIGN_STRIPE_ACCOUNTS_FILE: string, env: NodeJS.ProcessEnv = {}) =>
    mistakesOf({ COUNTERSIGN_STRIPE_ACCOUNTS_FILE, ...env }).join('\n')
  expect(wrong(fileOf({ accounts }, 0o640))).toContain('owner alone')
  expect(wrong(file, { COUNTERSIGN_STRIPE_KEY: KEY })).toContain('use one of both')
  expect(wrong(fileOf('{'))).toContain('JSON as documented')
  expect(wrong(fileOf({ accounts: [{ ...accounts[0], key: 'secret' }] }))).toContain('accounts.0.key')
  expect(wrong(fileOf({ accounts: [accounts[0], { ...accounts[1], org: 'laurel' }] }))).toContain('twice')
  expect(wrong(fileOf({ accounts: [accounts[0], { ...accounts[1], key: KEY }] }))).toContain('one key')
})
