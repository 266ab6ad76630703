import { type Answer, Refusal } from './answers.ts'

type Kept = { request: string; requestId: string; answer: Answer | undefined }

/**
 * The first answer under a key is the answer to every repetition of the same request, failures included; what was
 * refused before it was begun is not kept (docs.stripe.com/api/idempotent_requests).
 */
export function idempotency() {
  const kept = new Map<string, Kept>()
  return (
    key: string | undefined,
    request: string,
    requestId: string,
    work: () => Answer,
  ): { answer: Answer; replayed: boolean } => {
    const known = key === undefined ? undefined : kept.get(key)
    if (known && known.request !== request)
      throw new Refusal(400, {
        type: 'idempotency_error',
        message:
          'Keys for idempotent requests can only be used with the same parameters they were first used with.',
      })
    if (known?.answer) {
      const headers = {
        ...known.answer.headers,
        'idempotent-replayed': 'true',
        'original-request': known.requestId,
      }
      return { answer: { ...known.answer, headers }, replayed: true }
    }
    const answer = work()
    if (key !== undefined) kept.set(key, { request, requestId, answer: structuredClone(answer) })
    return { answer, replayed: false }
  }
}
