import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { samplePayload } from '../workflow-triggers/payload.ts'
import { newSecret } from '../workflow-triggers/rules.ts'
import { listen } from './triggers-listen.ts'

test('[TR-21] the local receiver prints what is signed and new, once', async () => {
  const secret = newSecret()
  const shown: string[] = []
  let listening: (url: string) => void = () => {}
  const at = new Promise<string>((resolve) => {
    listening = resolve
  })
  const output = {
    data: (_data: unknown, text: string) => void shown.push(text),
    say: (text: string) => (text.startsWith('Listening') ? listening(text.slice(13)) : void shown.push(text)),
  }
  const stopping = new AbortController()
  const ended = listen({ port: 0, secret }, output as never, stopping.signal)
  const url = await at
  const place = { org: 'laurel', origin: 'https://a.example', now: new Date() }
  const body = JSON.stringify({
    ...samplePayload(place, 'live.readiness.changed'),
    subject: { title: 'A\u001b[31m' },
  })
  const post = async (id: string, by: string, sentAt: Date) => {
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': new Webhook(by).sign(id, sentAt, body),
    }
    return (await fetch(url, { method: 'POST', headers, body })).status
  }
  const now = new Date()
  expect(await post('d1', secret, now)).toBe(200)
  expect(await post('d1', secret, now)).toBe(200)
  expect(await post('d2', newSecret(), now)).toBe(400)
  expect(await post('d3', secret, new Date(now.getTime() - 6 * 60_000))).toBe(400)
  expect((await fetch(url)).status).toBe(405)
  stopping.abort()
  await ended
  expect(shown).toHaveLength(4)
  expect(shown[0]).toContain('live.readiness.changed: A')
  expect(shown.join('')).not.toContain('\u001b')
  expect(shown.slice(1)).toEqual([
    'd1 again: nothing to do.',
    'Refused: No matching signature found.',
    'Refused: Message timestamp too old.',
  ])
})
