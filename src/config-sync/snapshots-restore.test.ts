import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docs, done, type SyncApp, syncApp } from '../../test/config-sync/operations.ts'

let world: SyncApp

beforeAll(async () => {
  world = await syncApp()
})
afterAll(() => world.close())

async function taken(selection: object = {}): Promise<any> {
  const { body } = await world.sandbox.call('POST', '/v1/configs/snapshots', { name: 'Before', selection })
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(20)) {
    const now = await world.sandbox.call('GET', `/v1/configs/snapshots/${body.id}`)
    if (now.body.status === 'ready') return now.body
  }
  throw new Error('the snapshot is not ready')
}

describe('a restoration', () => {
  test('[SN-13] makes the selection what it was: creates what is gone, puts back what changed, deletes what was added', async () => {
    const [forms, flows] = [docs(world.sandbox, 'form'), docs(world.sandbox, 'flow')]
    await forms.put('gone', { key: 'gone', name: 'Gone' })
    await flows.put('changed', { key: 'changed', name: 'Before', form: 'gone', token: 'canary-81' })
    const text = JSON.stringify((await flows.get('changed')).body)
    const snapshot = await taken()
    await flows.patch('changed', { name: 'After', token: 'canary-82', form: null })
    await forms.remove('gone')
    await forms.put('added', { key: 'added' })

    const dry = await done(world.sandbox, `snapshots/${snapshot.id}/restore`, { dry_run: true })
    expect(dry).toMatchObject({ kind: 'restore', plan: { create: 1, patch: 1, delete: 1, refused: 0 } })
    expect((await forms.get('added')).status).toBe(200)

    const job = await done(world.sandbox, `snapshots/${snapshot.id}/restore`, {})
    expect(job).toMatchObject({ status: 'succeeded', stats: { verified: { equal: 3, different: 0 } } })
    expect(JSON.stringify((await flows.get('changed')).body)).toBe(text)
    expect((await forms.get('gone')).body.name).toBe('Gone')
    expect((await forms.get('added')).status).toBe(404)
    const { body } = await world.sandbox.call('GET', `/v1/configs/snapshots/${snapshot.id}/diff`)
    expect(body.results).toEqual([])
    const again = await done(world.sandbox, `snapshots/${snapshot.id}/restore`, {})
    expect(again).toMatchObject({ status: 'succeeded', plan: { create: 0, patch: 0, delete: 0 } })
  })

  test('[SN-14] of a selection leaves everything else, and can be taken back', async () => {
    const forms = docs(world.sandbox, 'form')
    await forms.put('selected', { key: 'selected', name: 'Before' })
    await forms.put('other', { key: 'other', name: 'Before' })
    const snapshot = await taken({ resources: [{ type: 'form', id: 'selected' }] })
    for (const id of ['selected', 'other']) await forms.patch(id, { name: 'After' })
    const job = await done(world.sandbox, `snapshots/${snapshot.id}/restore`, {})
    expect(job).toMatchObject({ status: 'succeeded', counts: { total: 1, patched: 1 } })
    expect((await forms.get('other')).body.name).toBe('After')
    const back = await done(world.sandbox, `sync-jobs/${job.id}/rollback`, {})
    expect(back).toMatchObject({ status: 'succeeded' })
    expect((await forms.get('selected')).body.name).toBe('After')
  })
})
