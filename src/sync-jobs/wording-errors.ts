/** Why a run did not complete: codes of the engine, in words of ours, and whether trying again may help. */
const ERRORS: Record<string, { message: string; retryable: boolean }> = {
  unavailable: { message: 'The source does not answer; the run goes on by itself.', retryable: true },
  limited: {
    message: 'The source takes no more requests for now; the run goes on by itself.',
    retryable: true,
  },
  'credential-refused': {
    message: 'The source refuses the operator’s credential. Put it right in the configuration, then resume.',
    retryable: false,
  },
  'not-configured': { message: 'The source is not configured.', retryable: false },
  'source-invalid': {
    message: 'The source answers what cannot be read. Resume once that is put right.',
    retryable: false,
  },
  cancelled: { message: 'The run was cancelled; its checkpoint stays.', retryable: false },
  disappeared: {
    message: 'Much of what was there before was not seen any more. Resume with accept if it is really gone.',
    retryable: false,
  },
}

const OTHER = { message: 'The run failed; its checkpoint stays, and it can be resumed.', retryable: true }

/** What a code stands for; one that is not known says nothing of what happened. */
export const errorWords = (code: string): { message: string; retryable: boolean } => ERRORS[code] ?? OTHER
