import { mkdtempSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(os.tmpdir(), 'cs-config-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true })
})

const mistakesOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

test('[D-1] defaults serve embedded storage on the loopback', () => {
  const dataDir = folder()
  const config = readConfig({ COUNTERSIGN_DATA_DIR: dataDir })
  expect(config).toMatchObject({
    port: 4000,
    host: '127.0.0.1',
    dataDir,
    databaseUrl: undefined,
    url: undefined,
    logLevel: 'info',
    trustProxy: false,
  })
})

test('[D-2] every mistake is named at once, one line each', () => {
  const env = {
    PORT: 'http',
    LOG_LEVEL: 'loud',
    COUNTERSIGN_URL: 'https://a.example/path',
    DATABASE_URL: 'mysql://x',
    COUNTERSIGN_SECRET: 'short',
  }
  const mistakes = mistakesOf(env)
  expect(mistakes).toHaveLength(5)
  for (const name of Object.keys(env)) expect(mistakes.some((line) => line.startsWith(name))).toBe(true)
  expect(mistakes.some((line) => line.includes('\n'))).toBe(false)
})

test('[ER-24] a media server is configured whole and reached encrypted, or not at all', () => {
  const COUNTERSIGN_DATA_DIR = folder()
  const media = {
    COUNTERSIGN_MEDIA_URL: 'wss://media.example',
    COUNTERSIGN_MEDIA_KEY: 'key',
    COUNTERSIGN_MEDIA_SECRET: 'a media secret of thirty-two chars',
  }
  const whole = readConfig({ COUNTERSIGN_DATA_DIR, ...media })
  expect(whole.media).toEqual({
    url: media.COUNTERSIGN_MEDIA_URL,
    key: 'key',
    secret: media.COUNTERSIGN_MEDIA_SECRET,
  })
  expect(readConfig({ COUNTERSIGN_DATA_DIR }).media).toBeUndefined()
  for (const missing of Object.keys(media)) {
    const mistakes = mistakesOf({ COUNTERSIGN_DATA_DIR, ...media, [missing]: '' })
    expect(mistakes).toHaveLength(1)
    expect(mistakes[0]).toMatch(new RegExp(`^${missing} must be set with `))
  }
  const at = (COUNTERSIGN_MEDIA_URL: string) =>
    mistakesOf({ COUNTERSIGN_DATA_DIR, ...media, COUNTERSIGN_MEDIA_URL })
  expect(at('ws://127.0.0.1:7880')).toEqual([])
  for (const wrong of ['ws://media.example', 'http://localhost.example', 'media.example'])
    expect(at(wrong)).toHaveLength(1)
})

test('[D-3] a secret is made once, kept readable by its owner only, and required beside DATABASE_URL', () => {
  const dataDir = folder()
  const first = readConfig({ COUNTERSIGN_DATA_DIR: dataDir }).secret
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(readConfig({ COUNTERSIGN_DATA_DIR: dataDir }).secret).toBe(first)
  expect(statSync(path.join(dataDir, 'secret')).mode & 0o777).toBe(0o600)
  expect(mistakesOf({ DATABASE_URL: 'postgres://localhost/x' })).toEqual([
    expect.stringContaining('COUNTERSIGN_SECRET is required'),
  ])
})
