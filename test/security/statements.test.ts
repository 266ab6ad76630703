import { globSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../harness/app.ts'
import { templatesOf, unbound } from './sql-check.ts'
import { worldOf } from './world.ts'

const EXEMPT = '/* every organisation */'
const SOURCES = new URL('../../', import.meta.url)

type Statement = { file: string; line: number; text: string }

let app: TestApp
let client: pg.Client
let tenant: Set<string>

const column = async (text: string): Promise<string[]> =>
  (await client.query(text)).rows.map((row) => row.name)

beforeAll(async () => {
  app = await testApp()
  client = new pg.Client(app.database.connection)
  await client.connect()
  tenant = new Set(
    await column(`
      SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
       WHERE i.indisprimary AND n.nspname = 'public' AND a.attname = 'org'`),
  )
})
afterAll(async () => {
  await client.end()
  await app.close()
})

const sources = globSync('src/**/*.ts', { cwd: SOURCES.pathname }).filter(
  (file) => !file.endsWith('.test.ts'),
)
const read = (file: string) => readFileSync(new URL(file, SOURCES), 'utf8')
const statements: Statement[] = sources.flatMap((file) => {
  const source = read(file)
  return templatesOf(source).templates.map(({ at, text }) => ({
    file,
    line: source.slice(0, at).split('\n').length,
    text,
  }))
})

describe('[T-2] every statement on a tenant table binds the organisation', () => {
  test('in the source', () => {
    const loose = statements
      .filter(({ text }) => !text.includes(EXEMPT))
      .flatMap(({ file, line, text }) => unbound(text, tenant).map((name) => `${file}:${line} ${name}`))
    expect(loose).toEqual([])
    // the check has something to look at
    const touching = statements.filter(({ text }) =>
      [...tenant].some((name) => new RegExp(`\\b${name}\\b`).test(text)),
    )
    expect(touching.length).toBeGreaterThan(30)
  })

  test('and none is written otherwise than as a template', () => {
    const named = new RegExp(`\\b(FROM|JOIN|INTO|UPDATE)\\s+"?(${[...tenant].join('|')})\\b`)
    const hidden = sources.filter((file) =>
      named.test(templatesOf(read(file)).rest.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')),
    )
    expect(hidden).toEqual([])
  })

  test('what is exempt says so and is only what looks a credential up or cleans up', () => {
    const exempt = statements.filter(({ text }) => text.includes(EXEMPT)).map(({ file }) => file)
    expect([...new Set(exempt)].sort()).toEqual(EXEMPT_FILES)
  })

  test.each([
    ['SELECT id FROM live_events WHERE id = $id', ['live_events']],
    ['SELECT id FROM live_events e WHERE e.id = $id', ['e']],
    ['DELETE FROM live_events WHERE id = $id', ['live_events']],
    ['UPDATE live_events SET title = $t WHERE id = $id', ['live_events']],
    ['INSERT INTO live_events (id, title) VALUES ($id, $t)', ['live_events']],
    ["INSERT INTO live_events (org, id) VALUES ('laurel', $id)", ['live_events']],
    ["SELECT 1 FROM live_events WHERE org = 'laurel'", ['live_events']],
    ['SELECT 1 FROM live_events e JOIN agent_sessions s ON s.id = e.id WHERE e.org = $org', ['s']],
    [
      'SELECT 1 FROM live_events WHERE org = $org AND EXISTS (SELECT FROM agent_sessions)',
      ['agent_sessions'],
    ],
    ['SELECT 1 FROM live_events e JOIN agent_sessions s ON s.org = e.org WHERE e.org = $org', []],
    ['SELECT 1 FROM live_events e JOIN agent_sessions s ON s.org = e.org', ['e', 's']],
    ['SELECT 1 FROM live_events WHERE org = $org UNION SELECT 1 FROM live_events', ['live_events']],
    ['SELECT 1 FROM live_events WHERE org = $org UNION SELECT 1 FROM live_events WHERE org = $org', []],
    ['SELECT 1 FROM unnest($orgs) AS k (org) JOIN agent_sessions s ON s.org = k.org', []],
    ['SELECT 1 FROM live_events e WHERE org = $org', []],
    ['SELECT (SELECT 1 FROM live_events e WHERE e.org = s.org) FROM agent_sessions s WHERE org = $org', []],
    ['SELECT 1 FROM live_events WHERE org = $org AND id = $id FOR UPDATE', []],
    ['INSERT INTO live_events (org, id) VALUES ($org, $id) ON CONFLICT DO NOTHING', []],
    ['INSERT INTO live_events AS e (org, id) SELECT $org, id FROM unnest($ids) AS k (id)', []],
    ['INSERT INTO live_events AS e (org, id) SELECT id, org FROM unnest($ids) AS k (id)', ['live_events']],
    ['SELECT 1 FROM auth_user WHERE id = $id', []],
  ])('the check itself on %j', (text, expected) => {
    const { templates } = templatesOf(`sql\`${text.replaceAll(/\$(\w+)/g, '$${$1}')}\``)
    expect(templates.map((each) => unbound(each.text, tenant))).toEqual([expected])
  })
})

/** Credentials are looked up before an organisation is known; jobs and clean-up work for all of them. */
const EXEMPT_FILES = [
  'src/access/clean-up.ts',
  'src/access/keys-store.ts',
  'src/access/store.ts',
  'src/catalog/stripe/store.ts',
  'src/config-sync/snapshots/schedules.ts',
  'src/config-sync/snapshots/store.ts',
  'src/live/socket/presence-store.ts',
  'src/notifications/campaigns/store.ts',
  'src/notifications/store.ts',
  'src/operation/store.ts',
  'src/sessions/store.ts',
  'src/stripe/store.ts',
  'src/sync-feeds/retention-store.ts',
  'src/sync-feeds/seal-store.ts',
  'src/sync-jobs/engine/store.ts',
  'src/workflow-triggers/deliveries-store.ts',
  'src/workflow-triggers/store.ts',
]

describe('[T-3] the database refuses what points into another organisation', () => {
  test('every table with an organisation has it first in its key', async () => {
    const withOrg = await column(
      `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'org'`,
    )
    expect(withOrg.sort()).toEqual([...tenant].sort())
  })

  type ForeignKey = { name: string; child: string; parent: string; columns: string[]; targets: string[] }
  const foreignKeys = async (): Promise<ForeignKey[]> => {
    const { rows } = await client.query<ForeignKey>(`
      SELECT k.conname AS name, c.relname AS child, p.relname AS parent,
             (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u (num, n)
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
             (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u (num, n)
                JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS targets
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
       WHERE k.contype = 'f'`)
    return rows.filter(({ child, parent }) => tenant.has(child) && tenant.has(parent))
  }

  test('every foreign key between such tables carries it', async () => {
    const keys = await foreignKeys()
    expect(keys.length).toBeGreaterThan(4)
    const carries = ({ columns, targets }: ForeignKey) =>
      columns.indexOf('org') >= 0 && targets[columns.indexOf('org')] === 'org'
    expect(keys.filter((key) => !carries(key)).map(({ name }) => name)).toEqual([])
  })

  test('and a row that points elsewhere is refused, for each of them', async () => {
    await fill()
    const keys = await foreignKeys()
    for (const { name, child, columns } of keys) {
      const filled = columns.map((each) => `${each} IS NOT NULL`).join(' AND ')
      const { rows } = await client.query(
        `SELECT row_to_json(t) AS row FROM ${child} t WHERE org = 'laurel' AND ${filled} LIMIT 1`,
      )
      expect(rows, `${child} has a row for ${name}`).toHaveLength(1)
      const foreign = {
        ...rows[0].row,
        org: 'juniper',
        ...(columns.includes('id') || !rows[0].row.id ? {} : { id: 'other' }),
      }
      // each by itself: of a row that points at two others either key may be the one that refuses
      await client.query('BEGIN')
      for (const other of keys.filter((key) => key.child === child && key.name !== name))
        await client.query(`ALTER TABLE ${child} DROP CONSTRAINT ${other.name} CASCADE`)
      const insert = client.query(
        `INSERT INTO ${child} SELECT * FROM json_populate_record(null::${child}, $1)`,
        [JSON.stringify(foreign)],
      )
      await expect(insert, name).rejects.toMatchObject({ code: '23503', constraint: name })
      await client.query('ROLLBACK')
    }
  })

  /** One row at least in every table that points at another, all of laurel. */
  async function fill(): Promise<void> {
    const createdAt = new Date('2026-05-01T00:00:00.000Z')
    await app.org('laurel')
    await app.org('juniper')
    await client.query(
      `INSERT INTO community_channels (org, id, title, position, created_at, updated_at)
       VALUES ('laurel', 'stage', 'Stage', 2, $1, $1)`,
      [createdAt],
    )
    const event = await app.event('laurel', { id: 'room-00000001', communityChannelId: 'stage' })
    await client.query(
      `INSERT INTO live_chat_messages (org, id, event_id, seq, display_name, body, status, created_at, updated_at)
       VALUES ('laurel', 'm1', $1, 1, 'Ana', 'Hello', 'visible', now(), now())`,
      [event.id],
    )
    await client.query(
      `INSERT INTO live_room_people (org, event_id, user_id, tokens, refilled_at) VALUES ('laurel', $1, 'ana', 1, now())`,
      [event.id],
    )
    await app.room('laurel', { id: 'webinar-00000001', eventId: event.id })
    await client.query(`
      INSERT INTO embedded_room_participants (org, room_id, email, display_name, role, status, way,
                                              media_participant_id, status_at, created_at, updated_at)
      VALUES ('laurel', 'webinar-00000001', 'a@b.example', 'Ana', 'host', 'invited', 'invite', 'm', now(), now(), now());
      INSERT INTO embedded_room_entitlements (org, room_id, kind, email, status, created_at, updated_at)
      VALUES ('laurel', 'webinar-00000001', 'purchase', 'a@b.example', 'granted', now(), now())`)
    await client.query(`
      INSERT INTO community_chat_messages (org, id, channel_id, seq, at_seq, user_id, display_name, body, status, created_at, updated_at)
      VALUES ('laurel', 'c1', 'stage', 1, 1, 'ana', 'Ana', 'Hello', 'visible', now(), now());
      INSERT INTO community_chat_reactions (org, message_id, user_id, reaction, created_at)
      VALUES ('laurel', 'c1', 'ana', 'love', now());
      INSERT INTO community_chat_limits (org, channel_id, user_id, kind, free_at)
      VALUES ('laurel', 'stage', 'ana', 'post', now())`)
    await client.query(`
      INSERT INTO catalog_items (org, source_kind, key, title, status, visible, amount_cents, currency, details,
                                 created_at, updated_at)
      VALUES ('laurel', 'lesson-offering', 'l1', 'Lesson', 'active', true, 100, 'usd', '{}', '2026-05-01Z', '2026-05-01Z');
      INSERT INTO stripe_writes (org, id, source_kind, key, amount_cents, currency, status, product_name, idempotency_key, next_at,
                                 operation_id, requested_by, created_at, updated_at)
      VALUES ('laurel', 'w1', 'lesson-offering', 'l1', 100, 'usd', 'pending', 'Lesson', 'k1', now(), 'o', 'Ana', now(), now())`)
    await client.query(`
      INSERT INTO config_jobs (org, id, kind, status, stage, target_org, dry_run, request, requested_by, needs_token,
                               counts, created_at)
      VALUES ('laurel', 'job-1', 'sync', 'pending', 'planning', 'laurel', true, '{}', '{}', false, '{}', now());
      INSERT INTO config_job_rows (org, job_id, seq, type, source_id, action, status, phase, level, plan, updated_at)
      VALUES ('laurel', 'job-1', 0, 'price', 'p', 'none', 'pending', 'phase_0', 0, '{}', now());
      INSERT INTO config_job_events (org, job_id, seq, ts, status) VALUES ('laurel', 'job-1', 1, now(), 'pending');
      INSERT INTO config_journal (org, job_id, row_seq, step, outcome, type, at)
      VALUES ('laurel', 'job-1', 0, 'create', 'intended', 'price', now());
      INSERT INTO config_snapshots (org, id, name, selection, status, created_at, created_by)
      VALUES ('laurel', 'snapshot-1', 'One', '{}', 'ready', now(), 'test');
      INSERT INTO config_snapshot_items (org, snapshot_id, type, id, version, content_hash, document)
      VALUES ('laurel', 'snapshot-1', 'price', 'p', 1, 'x', '{}')`)
    await client.query(`
      INSERT INTO sync_jobs (org, id) VALUES ('laurel', 'sync-job-1');
      INSERT INTO sync_runs (org, id, job_id, mode, status, requested_by, started_at, moved_at)
      VALUES ('laurel', 'run-1', 'sync-job-1', 'full', 'completed', 'Ana', now(), now());
      INSERT INTO sync_records (org, job_id, source_kind, key, updated_at, hash, content, seen_run)
      VALUES ('laurel', 'sync-job-1', 'thing', 't1', now(), 'x', '{}', 'run-1');
      INSERT INTO sync_findings (org, job_id, fingerprint, class, source_kind, key, summary, evidence, evidence_hash,
                                 needs_person, status, first_run, last_run, opened_at, seen_at)
      VALUES ('laurel', 'sync-job-1', 'f1', 'odd', 'thing', 't1', 'Odd', '{}', 'x', false, 'open', 'run-1', 'run-1',
              now(), now())`)
    await client.query(`
      INSERT INTO trigger_subscriptions (org, id, principal_id, principal_name, scopes, url, families, description, status,
                                         secret, session_mode, created_at, updated_at)
      VALUES ('laurel', 'ts1', 'user:ana', 'Ana', '{}', 'https://a.example', '{}', '', 'active', 'x', 'none', now(), now());
      INSERT INTO trigger_events (org, id, family, subject, data, happened_at)
      VALUES ('laurel', 'te1', 'live.readiness.changed', '{}', '{}', now());
      INSERT INTO trigger_deliveries (org, id, subscription_id, event_id, family, body, status, next_at, created_at)
      VALUES ('laurel', 'td1', 'ts1', 'te1', 'live.readiness.changed', '{}', 'pending', now(), now());
      INSERT INTO trigger_attempts (org, delivery_id, attempt, at, duration_ms, outcome)
      VALUES ('laurel', 'td1', 1, now(), 1, 'refused')`)
    const owner = await app.person('laurel', 'owner')
    const world = await worldOf(app, 'laurel', await app.key({ org: 'laurel', role: 'agent' }))
    const { sessionId, approvalId, planDigest } = world
    // every organisation has the channel general, so a message there points into both
    await client.query(`DELETE FROM community_chat_messages WHERE channel_id = 'general'`)
    const decision = { decision: 'approve', planDigest }
    const path = `/api/agent/sessions/${sessionId}/approvals/${approvalId}`
    const decided = await owner.call('PATCH', path, decision)
    expect(decided.status, JSON.stringify([decided.body, world])).toBe(200)
  }
})
