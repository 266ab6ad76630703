import { vi } from 'vitest'
import type { Caller } from './app.ts'

export type Frame = { id?: string; event?: string; data?: any; comment?: string }
export type EventStream = {
  status: number
  frames: Frame[]
  /** Resolves when the server ended the stream. */
  ended: Promise<void>
  /** Waits until so many events came. */
  events(n: number): Promise<Frame[]>
  close(): void
}

/** Follows a session's log as an EventSource would. */
export async function follow(
  url: string,
  caller: Pick<Caller, 'headers'>,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const gone = new AbortController()
  const response = await fetch(url + path, {
    headers: { ...caller.headers, accept: 'text/event-stream', ...headers },
    signal: gone.signal,
  })
  const frames: Frame[] = []
  const ended = collect(response, frames).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error
  })
  return {
    status: response.status,
    frames,
    ended,
    events: (n) =>
      vi.waitFor(
        () => {
          const events = frames.filter(({ event }) => event !== undefined)
          if (events.length < n) throw new Error(`${events.length} of ${n} events`)
          return events
        },
        { timeout: 10_000, interval: 10 },
      ),
    close: () => gone.abort(),
  }
}

async function collect(response: Response, frames: Frame[]): Promise<void> {
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const parts = text.split('\n\n')
    text = parts.pop() as string
    frames.push(...parts.map(frameOf))
  }
}

function frameOf(part: string): Frame {
  const frame: Frame = {}
  for (const line of part.split('\n')) {
    const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? []
    if (name === '') frame.comment = value
    if (name === 'id' || name === 'event') frame[name] = value
    if (name === 'data') frame.data = JSON.parse(value as string)
  }
  return frame
}
