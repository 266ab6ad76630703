import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { partialFolder, removeDataFolder, temporaryDataFolder } from './folder.ts'
import { privateFolder } from './owner.ts'

const PREFIX = `cs-folder-${process.pid}-`
const made: string[] = []
const kept = (folder: string): string => {
  made.push(folder)
  return folder
}
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test('[D-44] a temporary data folder that a killed process left is removed an hour later, a young one is not', () => {
  const [old, young] = [kept(temporaryDataFolder(PREFIX)), kept(temporaryDataFolder(PREFIX))]
  const hourAgo = new Date(Date.now() - 3_700_000)
  utimesSync(old, hourAgo, hourAgo)
  kept(temporaryDataFolder(PREFIX))
  expect([existsSync(old), existsSync(young)]).toEqual([false, true])
  removeDataFolder(young)
  expect(existsSync(young)).toBe(false)
})

test('[D-45] half-made folders of ended processes are removed, those of living ones are not', () => {
  const target = path.join(kept(mkdtempSync(path.join(os.tmpdir(), PREFIX))), 'pg18')
  const ended = `${target}.partial-4194999-abc`
  const living = `${target}.partial-${process.ppid}-abc`
  for (const folder of [ended, living]) mkdirSync(folder)
  const made = partialFolder(target)
  expect([ended, living, made].map((folder) => existsSync(folder))).toEqual([false, true, true])
})

test('[D-46] a link or a folder open to others is not taken for a private folder', () => {
  const folder = kept(mkdtempSync(path.join(os.tmpdir(), PREFIX)))
  const target = path.join(folder, 'target')
  mkdirSync(target, { mode: 0o700 })
  symlinkSync(target, path.join(folder, 'link'))
  expect(() => privateFolder(path.join(folder, 'link'), undefined)).toThrow(
    /must be a folder that only its owner/,
  )
  mkdirSync(path.join(folder, 'shared'))
  chmodSync(path.join(folder, 'shared'), 0o777)
  expect(() => privateFolder(path.join(folder, 'shared'), undefined)).toThrow(/must be a folder that only/)
  expect(privateFolder(path.join(folder, 'own'), undefined)).toBe(path.join(folder, 'own'))
})
