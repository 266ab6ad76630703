import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runBin } from './command.ts'
import { KEY, startTestServer } from './test-server.ts'

let server: Awaited<ReturnType<typeof startTestServer>>
let home: string

beforeAll(async () => {
  server = await startTestServer()
  home = await mkdtemp(join(tmpdir(), 'inspector-'))
})
afterAll(async () => {
  await server.stop()
  await rm(home, { recursive: true })
})

/** The Inspector's command line; its own files go to a folder of the test's. */
function inspect(era: 'modern' | 'legacy', method: string, ...args: string[]) {
  return runBin(
    '@modelcontextprotocol/inspector',
    'mcp-inspector',
    [
      '--cli',
      server.url,
      '--transport',
      'http',
      '--protocol-era',
      era,
      '--format',
      'json',
      '--method',
      method,
      ...args,
    ],
    { HOME: home, MCP_INSPECTOR_CONFIG_DIR: home, NO_COLOR: '1' },
  )
}

/** Starting the Inspector takes about 2 s. */
const LIMIT_MS = 60_000

for (const era of ['modern', 'legacy'] as const) {
  test(`[M-14] lists the tools (${era}) without a schema finding`, { timeout: LIMIT_MS }, async () => {
    const { code, stdout, stderr } = await inspect(
      era,
      'tools/list',
      '--strict',
      '--header',
      `Authorization: Bearer ${KEY}`,
    )
    expect(code, stderr).toBe(0)
    const names = JSON.parse(stdout).result.tools.map((tool: { name: string }) => tool.name)
    expect(names).toEqual(['note_read', 'note_private_read', 'note_defect_read', 'note_context_read'])
    expect(stderr).not.toMatch(/Error: tool|Warning: tool/)
  })

  test(`[M-14] calls a tool (${era})`, { timeout: LIMIT_MS }, async () => {
    const { code, stdout, stderr } = await inspect(
      era,
      'tools/call',
      '--tool-name',
      'note_read',
      '--tool-arg',
      'noteId=n1',
    )
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout).result).toMatchObject({
      structuredContent: { ok: true, noteId: 'n1', text: 'first' },
    })
  })
}
