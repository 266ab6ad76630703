import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Jobs, startJobs } from '../../src/jobs/start.ts'
import { PASSWORD, SECRET, type TestApp, testApp } from '../harness/app.ts'
import { type JsonServer, jsonServer } from '../harness/json-server.ts'
import { differences, examplesOf, runExample } from './examples.ts'

/** Each document is one story, told in order on a server of its own; its variables are those of a reader's shell. */
const STORIES = [
  'README.md',
  'docs/api.md',
  'docs/agents.md',
  'docs/live-rooms.md',
  'docs/community.md',
  'docs/embedded-rooms.md',
  'docs/catalog.md',
  'docs/configurations.md',
  'docs/connectors.md',
  'docs/notifications.md',
  'docs/promotion.md',
]
/** Stories of what is done in the background. */
const WITH_JOBS = ['docs/notifications.md', 'docs/promotion.md']

/** What the story of connectors has beside the server: a REST API that is not ours. */
const shopping = (file: string) =>
  file === 'docs/connectors.md' ? jsonServer({ products: [{ id: 'p-1' }, { id: 'p-2' }] }) : undefined

describe.each(STORIES)('[W-1] the examples of %s', (file) => {
  const examples = examplesOf(file)
  let app: TestApp
  let folder: string
  let shop: JsonServer | undefined
  let jobs: Jobs | undefined
  let variables: Record<string, string>
  let failed = false

  beforeAll(async () => {
    app = await testApp()
    app.deps.config.allowPrivateConnectors = true
    shop = await shopping(file)
    if (WITH_JOBS.includes(file)) jobs = await startJobs(app.deps, app.database.connection)
    folder = mkdtempSync(path.join(os.tmpdir(), 'cs-docs-'))
    variables = {
      URL: app.url,
      PORT: new URL(app.url).port,
      DATABASE_URL: app.database.url,
      COUNTERSIGN_SECRET: SECRET,
      COUNTERSIGN_DATA_DIR: folder,
      PASSWORD,
      ...(shop ? { PLACE: shop.url, SHOP_TOKEN: 'a-token', SITE_TOKEN: 'another-token' } : {}),
    }
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    await shop?.close()
    await jobs?.stop()
    await app.close()
  })

  test('are there', () => expect(examples.length).toBeGreaterThan(0))

  test.each(examples.map((each) => [each.line, each] as const))('line %i', async (_line, example) => {
    expect(failed, 'an earlier example failed').toBe(false)
    failed = true
    const running = runExample(example, variables, folder)
    const output = await (example.approver ? withApprover(running, app.url, folder) : running)
    expect(differences(example, output, variables), output).toEqual([])
    failed = false
  })
})

/** The person who signed in in the story approves what waits for a decision, until the example ends. */
async function withApprover(running: Promise<string>, url: string, folder: string): Promise<string> {
  const ended = new AbortController()
  const headers = {
    cookie: readFileSync(path.join(folder, 'jar'), 'utf8'),
    origin: url,
    'content-type': 'application/json',
  }
  const approving = (async () => {
    while (!ended.signal.aborted) {
      const waiting = await answer(`${url}/api/sessions?waitingForMe=true`, { headers })
      for (const { id } of waiting.sessions) {
        const { session } = await answer(`${url}/api/agent/sessions/${id}`, { headers })
        for (const { id: approvalId, planDigest } of session.pendingApprovals)
          await answer(`${url}/api/agent/sessions/${id}/approvals/${approvalId}`, {
            method: 'PATCH',
            headers,
            body: JSON.stringify({ decision: 'approve', planDigest }),
          })
      }
      await setTimeout(100)
    }
  })()
  try {
    return await running
  } finally {
    ended.abort()
    await approving
  }
}

const answer = async (url: string, init: RequestInit): Promise<any> => (await fetch(url, init)).json()
