import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { samplePayload } from '../../src/workflow-triggers/payload.ts'
import { newSecret } from '../../src/workflow-triggers/rules.ts'

test('[W-1] the receiver of docs/triggers.md takes what is signed, once', async () => {
  const text = readFileSync('docs/triggers.md', 'utf8')
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? []
  const secret = newSecret()
  const receiver = spawn(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...process.env, PORT: '0', TRIGGER_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const lines: string[] = []
    const reader = createInterface(receiver.stdout)
    const [first] = await once(reader, 'line')
    reader.on('line', (line) => lines.push(line))
    const place = { org: 'laurel', origin: 'https://a.example', now: new Date() }
    const body = JSON.stringify(samplePayload(place, 'live.readiness.changed'))
    const post = async (id: string, by: string) => {
      const signature = new Webhook(by).sign(id, place.now, body)
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(place.now.getTime() / 1000)),
        'webhook-signature': `v1,bm90aGluZw== ${signature}`,
      }
      return (await fetch(`http://localhost:${first.split(' ').at(-1)}`, { method: 'POST', headers, body }))
        .status
    }
    expect([await post('d1', secret), await post('d1', secret), await post('d2', newSecret())]).toEqual([
      204, 204, 400,
    ])
    await post('d3', secret)
    await expect.poll(() => lines.length).toBe(2)
    expect(lines[0]).toBe('live.readiness.changed: read https://a.example/api/agent/live-controls')
  } finally {
    receiver.kill()
  }
})
