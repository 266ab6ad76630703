import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { commandApp } from '../../test/config-sync/commands.ts'
import { done, push, type SyncApp } from '../../test/config-sync/operations.ts'
import { finished, start } from '../../test/harness/command.ts'

/** Processes of the program, beside other tests. */
vi.setConfig({ testTimeout: 120_000 })

let app: Awaited<ReturnType<typeof commandApp>>
let world: SyncApp

beforeAll(async () => {
  app = await commandApp()
  world = app.world
})
afterAll(() => app.close())

const howMany = async (): Promise<number> =>
  (await world.sandbox.call('GET', '/v1/configs/form?include=custom&size=1')).body.total
const ID = /job-[0-9a-f]{16}/

describe('the way of a promotion', () => {
  test('[CLI-8] plan shows a tree, apply carries it out, status says so, rollback takes it back', async () => {
    await app.forms.put('contact', { key: 'contact', name: 'Contact' })
    await app.flows.put('first', { key: 'first', name: 'First', form: 'contact', next: ['second'] })
    await app.flows.put('second', {
      key: 'second',
      name: 'Second',
      form: 'contact',
      next: ['first'],
      token: 'canary-cli-1',
    })
    const planned = await app.sync(['plan', 'flow/first', '--to', 'live', '--name', 'Try'])
    expect([planned.code, planned.stderr]).toEqual([0, ''])
    const [id] = ID.exec(planned.stdout) as unknown as [string]
    const [, digest] = /^digest: ([0-9a-f]{64})$/m.exec(planned.stdout) as unknown as [string, string]
    expect(planned.stdout.replaceAll(id, 'JOB').replaceAll(digest, 'DIGEST')).toBe(
      [
        'JOB  push sandbox → live “Try” (dry run)',
        '',
        'flow (2 to create)',
        '├─ + first  First',
        '│    → flow/second, form/contact',
        '└─ + second  Second',
        '     * /token secret set',
        '     → flow/first, form/contact',
        'form (1 to create)',
        '└─ + contact  Contact',
        '',
        'circle: flow/first, flow/second',
        '3 to create, 0 to change, 0 to delete, 0 unchanged, 0 refused',
        '3 writes',
        'digest: DIGEST',
        'apply it: countersign sync apply JOB --digest DIGEST',
        '',
      ].join('\n'),
    )
    expect((await app.theirs.get('contact')).status).toBe(404)
    const applied = await app.sync(['apply', id, '--digest', digest, '--yes', '--watch'])
    expect([applied.code, applied.stderr]).toEqual([0, ''])
    expect(applied.stdout).toContain('3 created of 3')
    expect(applied.stdout).toContain(`plan ${digest}`)
    const job = [...applied.stdout.matchAll(new RegExp(ID, 'g'))].at(-1)?.[0] as string
    const status = await app.json(['status', job])
    expect([status.code, status.body]).toEqual([
      0,
      expect.objectContaining({
        id: job,
        of_job: id,
        status: 'succeeded',
        counts: expect.objectContaining({ created: 3 }),
      }),
    ])
    const rows = await app.sync(['status', job, '--rows'])
    expect(rows.stdout).toMatch(/^created +flow\/first +first$/m)
    const planAgain = await app.sync(['status', job, '--plan'])
    expect(planAgain.stdout).toContain(`digest: ${digest}`)
    expect(planAgain.stdout).not.toContain('apply it')
    const look = await app.sync(['rollback', job, '--dry-run'])
    expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('3 to delete')])
    const back = await app.sync(['rollback', job, '--yes', '--watch'])
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('read back: 3 equal, 0 different')])
    expect((await app.theirs.get('contact')).status).toBe(404)
    const listed = await app.sync(['list', '--limit', '2'])
    expect(listed.stdout).toMatch(new RegExp(`^rollback of ${job} in live.* succeeded +3 deleted of 3 `, 'm'))
    expect(`${planned.stdout}${applied.stdout}${rows.stdout}`).not.toContain('canary-cli')
  })
})

describe('a plan', () => {
  test('[CLI-9] that refuses something ends with 8, and says what to do; a part of it that is applied ends with 6', async () => {
    await app.forms.put('good', { key: 'good', name: 'Good' })
    const planned = await app.sync(['plan', 'form/good', 'form:none', '--to', 'live'])
    expect(planned.code).toBe(8)
    expect(planned.stdout).toContain('! none\n')
    expect(planned.stdout).toContain('refused (source-missing): There is no form none at the source.')
    expect(planned.stdout).toContain('do: select what the source has, or leave this out')
    const [id] = ID.exec(planned.stdout) as unknown as [string]
    expect((await app.sync(['status', id])).code).toBe(8)
    const applied = await app.sync(['apply', id, '--yes', '--watch'])
    expect([applied.code, applied.stdout]).toEqual([
      6,
      expect.stringContaining('failed: form/none: There is no form none at the source.'),
    ])
  })

  test('[CLI-8] takes a side for places that both changed, and patches on top of the source', async () => {
    await app.forms.put('both', { key: 'both', name: 'Both', text: 'same' })
    await done(world.sandbox, 'sync-jobs', push(world, { resources: [{ type: 'form', id: 'both' }] }))
    await app.forms.patch('both', { name: 'Ours', text: 'ours' })
    await app.theirs.patch('both', { name: 'Theirs', text: 'theirs' })
    const open = await app.sync(['plan', 'form/both', '--to', 'live'])
    expect(open.code).toBe(8)
    expect(open.stdout).toContain('≠ /text target "theirs", source "ours"')
    expect(open.stdout).toContain("--choose 'form/both#/name=source'")
    const chosen = ['--conflicts', 'source', '--choose', 'form/both#/text=target']
    const decided = await app.sync(['plan', 'form/both', '--to', 'live', ...chosen])
    expect([decided.code, decided.stdout]).toEqual([0, expect.stringContaining('~ /name "Theirs" → "Ours"')])
    expect(decided.stdout).not.toContain('/text')
    const overrides = path.join(app.folder, 'overrides.json')
    writeFileSync(overrides, '{"form:both": {"name": "For live"}}')
    const over = await app.sync([
      'plan',
      'form/both',
      '--to',
      'live',
      '--conflicts',
      'source',
      '--overrides',
      overrides,
    ])
    expect(over.stdout).toContain('~ /name "Theirs" → "For live"')
  })

  test('[CLI-8] is of single configurations, of types, or without what they refer to', async () => {
    await app.forms.put('needed', { key: 'needed', name: 'Needed' })
    await app.flows.put('needy', { key: 'needy', form: 'needed' })
    const alone = await app.json(['plan', 'flow/needy', '--no-dependencies', '--to', 'live'])
    expect(alone.body.plan.results).toMatchObject([
      { source_id: 'needy', action: 'refused', refusal: { code: 'required-missing' } },
    ])
    const byId = await app.json(['plan', '--type', 'form', '--id', 'needed', '--id', 'good', '--to', 'live'])
    expect(byId.body.plan.results.map(({ source_id }: any) => source_id)).toEqual(['good', 'needed'])
    const whole = await app.json(['plan', '--type', 'form', '--to', 'live'])
    expect(whole.body.plan.results.length).toBe(await howMany())
    expect((await app.json(['plan', '--to', 'live'])).body.detail).toContain('Nothing is selected')
    expect((await app.json(['plan', 'form', '--to', 'live'])).body.detail).toContain('type/id')
    expect((await app.json(['plan', 'form/needed', '--choose', 'form/needed', '--to', 'live'])).code).toBe(1)
    expect((await app.json(['plan', 'form/needed', '--conflicts', 'perhaps', '--to', 'live'])).code).toBe(2)
  })

  test('[CLI-9] that is not there, has another digest, or needs somebody to agree is refused', async () => {
    await app.forms.put('barred', { key: 'barred', name: 'Barred' })
    const id = await app.plan('barred')
    const other = await app.json(['apply', id, '--digest', '0'.repeat(64), '--yes'])
    expect([other.code, other.body.code]).toEqual([1, 'plan-changed'])
    const unasked = await app.json(['apply', id])
    expect([unasked.code, unasked.body.detail]).toEqual([1, expect.stringContaining('--yes')])
    expect((await app.json(['apply', 'job-0123456789abcdef', '--yes'])).body.code).toBe('not-found')
    expect((await app.theirs.get('barred')).status).toBe(404)
  })
})

describe('the token of the other organisation', () => {
  test('[CLI-11] comes from a variable or a file, and is asked for by name where there is none', async () => {
    await app.forms.put('secretly', { key: 'secretly', name: 'Secretly' })
    const none = { COUNTERSIGN_OTHER_TOKEN: '' }
    const args = ['plan', 'form/secretly', '--to', 'live']
    const missing = await app.json(args, { env: none })
    expect([missing.code, missing.body.nextAction]).toEqual([1, expect.stringContaining('--token-env')])
    const named = await app.sync([...args, '--token-env', 'LIVE'], {
      env: { ...none, LIVE: world.live.bearer },
    })
    expect(named.code).toBe(0)
    const file = path.join(app.folder, 'token')
    writeFileSync(file, `${world.live.bearer}\n`)
    expect((await app.sync([...args, '--token-file', file], { env: none })).code).toBe(0)
    const unset = await app.json([...args, '--token-env', 'NOTHING'], { env: none })
    expect([unset.code, unset.body.detail]).toEqual([1, 'The variable NOTHING holds no token.'])
    expect((await app.json([...args, '--token-file', path.join(app.folder, 'no')], { env: none })).code).toBe(
      1,
    )
  })

  test('[CLI-11] is of the source when one pulls, also to see what a type has there', async () => {
    await app.forms.put('pulled', { key: 'pulled', name: 'Pulled' })
    const given = { as: world.live, env: { COUNTERSIGN_OTHER_TOKEN: world.sandbox.bearer } }
    const { code, body } = await app.json(['plan', 'form/pulled', '--from', 'sandbox'], given)
    expect([code, body.job.direction]).toEqual([0, 'pull'])
    const whole = await app.json(['plan', '--type', 'form', '--from', 'sandbox'], given)
    expect(whole.body.plan.results.length).toBe(await howMany())
    const applied = await app.sync(['apply', body.job.id, '--yes', '--watch'], given)
    expect([applied.code, (await app.theirs.get('pulled')).body.name]).toEqual([0, 'Pulled'])
    const neither = await app.json(['plan', 'form/pulled', '--from', 'one', '--to', 'other'], given)
    expect([neither.code, neither.body.detail]).toEqual([1, expect.stringContaining('is live')])
  })
})

describe('a job', () => {
  /** A job of which one form fails as stale and the other one is done. */
  async function partly(stale: string, well: string) {
    for (const name of [stale, well]) await app.forms.put(name, { key: name, name })
    const resources = [stale, well].map((id) => ({ type: 'form', id }))
    await done(world.sandbox, 'sync-jobs', push(world, { resources }))
    for (const name of [stale, well]) await app.forms.patch(name, { name: `${name}, new` })
    const id = await app.plan(stale, well)
    await app.theirs.patch(stale, { note: 'theirs' })
    return app.sync(['apply', id, '--yes', '--watch'])
  }

  test('[CLI-9] of which a part failed ends with 6 and why, and is done again', async () => {
    const applied = await partly('stale', 'well')
    expect(applied.code).toBe(6)
    expect(applied.stdout).toMatch(/^failed: form\/stale: .+$/m)
    expect(applied.stdout).toContain('1 changed, 1 failed of 2')
    const [, id] = /^Next: countersign sync retry (\S+)$/m.exec(applied.stdout) as unknown as [string, string]
    expect((await app.sync(['status', id])).code).toBe(6)
    const other = await world.app.key({ org: 'sandbox', role: 'automation' })
    const stranger = { as: other, env: { COUNTERSIGN_OTHER_TOKEN: '' } }
    const entrusted = await app.json(['retry', id], stranger)
    expect([entrusted.code, entrusted.body.nextAction]).toEqual([1, expect.stringContaining('--token-file')])
    const again = await app.sync(['retry', id, '--watch'])
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('1 changed of 1')])
    expect((await app.theirs.get('stale')).body).toMatchObject({ name: 'stale, new', note: 'theirs' })
  })

  test('[CLI-9] that is cancelled writes nothing, and its status ends with 1', async () => {
    await app.forms.put('halted', { key: 'halted', name: 'Halted' })
    const id = await app.plan('halted')
    await world.jobs.stop()
    const applied = await app.json(['apply', id, '--yes'])
    expect([applied.code, applied.body.stage]).toEqual([0, 'running'])
    const cancelled = await app.sync(['cancel', applied.body.id])
    expect([cancelled.code, cancelled.stdout]).toEqual([0, expect.stringContaining('cancelled after')])
    const twice = await app.json(['cancel', applied.body.id])
    expect([twice.code, twice.body.code]).toEqual([1, 'conflict'])
    expect((await app.sync(['status', applied.body.id])).code).toBe(1)
    await world.work()
    expect((await app.theirs.get('halted')).status).toBe(404)
  })

  test('[CLI-9] that people are to approve ends with 7, and is followed through the approval when told', async () => {
    const owner = await world.app.person('sandbox', 'owner')
    const scopes = ['creator:sandbox:config:read', 'creator:sandbox:config:write']
    const agent = await world.app.key({ org: 'sandbox', role: 'agent', for: owner.email, scopes })
    await app.forms.put('asked', { key: 'asked', name: 'Asked' })
    const id = await app.plan('asked')
    expect((await app.sync(['apply', id, '--yes', '--watch'])).code).toBe(0)
    const [wrote] = (await app.json(['list', '--limit', '1'])).body.results
    const back = await app.json(['rollback', wrote.id, '--yes'], { as: agent })
    expect([back.code, back.body.stage]).toEqual([7, 'waiting'])
    const waits = await app.sync(['status', back.body.id, '--watch'], { as: agent })
    expect([waits.code, waits.stdout]).toEqual([
      7,
      expect.stringContaining(`People decide on the approval ${back.body.waiting_for.approval_id}`),
    ])
    const following = app.sync(['status', back.body.id, '--watch', '--until-end'], { as: agent })
    const { session_id, approval_id } = back.body.waiting_for
    const at = `/api/agent/sessions/${session_id}/approvals/${approval_id}`
    const { planDigest } = (await owner.call('GET', at)).body.approval
    await owner.call('PATCH', at, { decision: 'approve', planDigest, reason: 'Looked at it.' })
    expect(await following).toMatchObject({ code: 0, stdout: expect.stringContaining('1 deleted of 1') })
  })
})

describe('deleting and restoring', () => {
  test('[CLI-12] deletes once told so, and only shows what it would where told to look', async () => {
    await app.forms.put('old', { key: 'old', name: 'Old' })
    expect((await app.json(['delete', 'form/old'])).body.detail).toContain('--yes')
    const look = await app.sync(['delete', 'form/old', '--dry-run'])
    expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('- old  Old')])
    expect((await app.forms.get('old')).status).toBe(200)
    await app.forms.put('older', { key: 'older', name: 'Older' })
    const reviewed = await app.json(['delete', 'form/older', '--dry-run'])
    const applied = await app.sync(['apply', reviewed.body.job.id, '--yes', '--watch'])
    expect([applied.code, applied.stdout]).toEqual([0, expect.stringContaining('1 deleted of 1')])
    expect((await app.forms.get('older')).status).toBe(404)
    await app.flows.put('user', { key: 'user', form: 'old' })
    const needed = await app.sync(['delete', 'form/old', '--check-dependencies', '--yes', '--watch'])
    expect([needed.code, needed.stdout]).toEqual([1, expect.stringContaining('failed: form/old: ')])
    const gone = await app.sync(['delete', 'form/old', 'flow/user', '--yes', '--watch', '--name', 'Clean'])
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining('2 deleted of 2')])
    const [id] = ID.exec((await app.sync(['list', '--deletions', '--limit', '1'])).stdout) as unknown as [
      string,
    ]
    expect((await app.sync(['status', id, '--rows'])).stdout).toMatch(/^deleted +form\/old$/m)
    const back = await app.sync(['rollback', id, '--yes', '--watch'])
    expect([back.code, (await app.forms.get('old')).body.name]).toEqual([0, 'Old'])
  })

  test('[CLI-12] a snapshot is restored the same way', async () => {
    await app.forms.put('kept', { key: 'kept', name: 'Kept' })
    const snapshots = (...args: string[]) => finished(start(['snapshots', ...args], app.environment()))
    const made = await snapshots('create', '--name', 'Before', '--resource', 'form:kept', '--json')
    const { id } = JSON.parse(made.stdout)
    await app.forms.patch('kept', { name: 'Changed' })
    const look = await snapshots('restore', id, '--dry-run')
    expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('~ /name "Changed" → "Kept"')])
    expect((await snapshots('restore', id)).code).toBe(1)
    const restored = await snapshots('restore', id, '--yes', '--watch')
    expect([restored.code, restored.stdout]).toEqual([0, expect.stringContaining('1 equal, 0 different')])
    expect((await app.forms.get('kept')).body.name).toBe('Kept')
  })
})
