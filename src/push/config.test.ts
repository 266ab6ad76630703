import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type ConfigError, readConfig } from '../config.ts'

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
const spki = { type: 'spki', format: 'pem' } as const
const apple = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: pkcs8,
  publicKeyEncoding: spki,
}).privateKey
const otherCurve = generateKeyPairSync('ec', {
  namedCurve: 'P-384',
  privateKeyEncoding: pkcs8,
  publicKeyEncoding: spki,
}).privateKey
const google = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: pkcs8,
  publicKeyEncoding: spki,
}).privateKey
const folder = mkdtempSync(path.join(tmpdir(), 'countersign-push-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string): string => {
  const at = path.join(folder, name)
  writeFileSync(at, text)
  return at
}
const account = {
  project_id: 'p1',
  client_email: 'push@example.test',
  private_key: google,
  token_uri: 'https://oauth2.googleapis.com/token',
}
const read = (env: Record<string, string>) =>
  readConfig({ COUNTERSIGN_SECRET: 'x'.repeat(32), COUNTERSIGN_DATA_DIR: folder, ...env }).push
const mistakes = (env: Record<string, string>): readonly string[] => {
  try {
    read(env)
    return []
  } catch (error) {
    return (error as ConfigError).mistakes
  }
}
const APNS = {
  COUNTERSIGN_APNS_KEY_ID: 'KEY1',
  COUNTERSIGN_APNS_TEAM_ID: 'TEAM1',
  COUNTERSIGN_APNS_TOPIC: 'app.example',
}

test('[PU-6] credentials are read from the files that are named, and endpoints are the providers’ own', () => {
  expect(read({})).toBeUndefined()
  const apns = read({ ...APNS, COUNTERSIGN_APNS_KEY_FILE: file('good.p8', apple) })
  expect(apns).toEqual({
    apns: {
      endpoint: 'https://api.push.apple.com',
      keyId: 'KEY1',
      teamId: 'TEAM1',
      topic: 'app.example',
      privateKey: apple,
    },
  })
  const fcm = read({
    COUNTERSIGN_FCM_CREDENTIALS_FILE: file('good.json', JSON.stringify(account)),
    COUNTERSIGN_FCM_ENDPOINT: 'http://127.0.0.1:9',
  })
  expect(fcm).toEqual({
    fcm: {
      endpoint: 'http://127.0.0.1:9',
      tokenEndpoint: account.token_uri,
      projectId: 'p1',
      clientEmail: 'push@example.test',
      privateKey: google,
    },
  })
})

test('[PU-6] what is missing or not a key is a mistake by name, without its content', () => {
  expect(mistakes({ COUNTERSIGN_APNS_KEY_ID: 'KEY1', COUNTERSIGN_APNS_TOPIC: 'app.example' })).toEqual([
    'COUNTERSIGN_APNS_KEY_FILE is required with the other COUNTERSIGN_APNS_ variables',
    'COUNTERSIGN_APNS_TEAM_ID is required with the other COUNTERSIGN_APNS_ variables',
  ])
  const bad = [
    path.join(folder, 'none'),
    file('text.p8', 'a secret text'),
    file('rsa.p8', google),
    file('p384.p8', otherCurve),
  ]
  for (const each of bad)
    expect(mistakes({ ...APNS, COUNTERSIGN_APNS_KEY_FILE: each })).toEqual([
      'COUNTERSIGN_APNS_KEY_FILE must be a readable .p8 key of Apple (PKCS 8, P-256)',
    ])
  const wrong = [{ ...account, private_key: apple }, { ...account, project_id: undefined }, 'a secret text']
  for (const each of wrong)
    expect(mistakes({ COUNTERSIGN_FCM_CREDENTIALS_FILE: file('bad.json', JSON.stringify(each)) })).toEqual([
      'COUNTERSIGN_FCM_CREDENTIALS_FILE must be a readable key file (JSON) of a service account',
    ])
  expect(mistakes({ COUNTERSIGN_APNS_ENDPOINT: 'api.push.apple.com' })).toEqual([
    'COUNTERSIGN_APNS_ENDPOINT must be an origin such as https://api.push.apple.com',
  ])
})
