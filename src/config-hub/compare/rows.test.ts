import { expect, test } from 'vitest'
import type { NodeRow } from '../index/read-store.ts'
import type { LineageRow } from '../lineage/store.ts'
import { compareRows } from './rows.ts'

const node = (id: string, title: string) => ({ id, title, titleKey: title.toLowerCase() }) as NodeRow
const pair = (sourceId: string, targetId: string, synced?: string): LineageRow => ({
  ...{ type: 'thing', sourceOrg: 'x', sourceId, targetId, origin: null, lastSyncJobId: null },
  lastSyncedAt: synced === undefined ? null : new Date(synced),
})
const told = (rows: ReturnType<typeof compareRows>) =>
  rows.map(({ status, current, source, lineage }) =>
    [status, current?.id ?? '-', source?.id ?? '-', lineage?.direction ?? '-'].join(' '),
  )

const current = [node('c1', 'B'), node('c2', 'a'), node('c3', 'C')]
const source = [node('s1', 'B'), node('s2', 'a'), node('s3', 'z')]

test('[CC-20] rows are pairs by title, then what only one side has, each configuration once', () => {
  expect(told(compareRows(current, source, [pair('s1', 'c1')], [pair('c2', 's2')]))).toEqual([
    'matched c2 s2 push',
    'matched c1 s1 pull',
    'only_current c3 - -',
    'only_source - s3 -',
  ])
  expect(told(compareRows(current, source, [pair('gone', 'c1'), pair('s1', 'gone')], []))).toHaveLength(6)
})

test('[CC-20] of pairs that both organisations keep the one that was synced last counts, else the pulled one', () => {
  const twice = (pulled?: string, pushed?: string) =>
    told(compareRows(current, source, [pair('s1', 'c1', pulled)], [pair('c1', 's1', pushed)]))[0]
  expect(twice()).toBe('matched c1 s1 pull')
  expect(twice('2026-01-01', '2026-02-01')).toBe('matched c1 s1 push')
  expect(twice('2026-02-01', '2026-01-01')).toBe('matched c1 s1 pull')
  expect(twice(undefined, '2026-01-01')).toBe('matched c1 s1 push')
  const crossed = compareRows(current, source, [pair('s1', 'c1')], [pair('c1', 's2', '2026-01-01')])
  expect(told(crossed).filter((row) => row.startsWith('matched'))).toEqual(['matched c1 s2 push'])
})
