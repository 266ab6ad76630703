/** What the manifest says of its contracts, in words of ours. */
export const CONTRACTS = {
  job: {
    contract: 'agent-sync-job.v1',
    requiredFields: [
      'id',
      'status',
      'source',
      'target',
      'cursor',
      'checkpoint',
      'stats',
      'redactions',
      'errors',
      'idempotency',
    ],
    credentialPolicy:
      'Credentials come from the operator’s configuration and stay in the server. A caller names a job and a mode and nothing else: no token, payment id, media handle or database id is an input.',
    reviewPolicy:
      'A scan reports. What it found is repaired by a write of its own, which is previewed, confirmed or approved, and carries an idempotency key.',
  },
  cursor: {
    contract: 'agent-sync-cursor.v1',
    requiredFields: ['kind', 'value', 'nextValue', 'terminal'],
    semantics:
      'A cursor is opaque: keep it and show it as a whole, never read or make one. It stands for a place in the stable order of what is scanned, and follows from that place alone.',
    duplicatePolicy:
      'A page after a resumption may overlap the one before it. A record that this run saw with the same content is skipped and counted; the same record with other content is processed, and counted as a conflict.',
  },
  checkpoint: {
    contract: 'agent-sync-checkpoint.v1',
    requiredFields: [
      'cursor',
      'highWatermark',
      'lastSuccessfulAt',
      'recordsProcessed',
      'duplicateRecordsSkipped',
      'digest',
    ],
    retentionPolicy:
      'A checkpoint is written with the effects of its page, in one transaction, and outlives failures and cancellations: a run goes on after it.',
  },
}

export const SUMMARY =
  'Scans run in pages with a durable checkpoint after each, by hand or by the clock, and report drift between the catalog and Stripe. Jobs are declared in code; hosted workers of third parties are not run.'

export const FIRST_SOURCE =
  'What the catalog says of lessons, store items and tiers, compared with the prices and products at Stripe'

export const SAFE_USE =
  'Start a scan with POST and read the durable job with ?jobId=. A scan allows nobody to make objects at Stripe, to map prices anew or to change entitlements.'

export const WRITE_BACK =
  'A trigger asks somebody to look. Each write back goes through the action contracts of creator commerce, with their preview and approval.'

export const GUIDANCE = [
  'Read the job before you ask anybody to approve a change of the catalog.',
  'What a scan reports describes the state; it is no permission to change it.',
  'Send an Idempotency-Key with each start: the same request again answers the same run and scans nothing twice.',
  'A start while a run is under way answers that run; look at its id.',
  'paused ends by itself at resumeAt; needs-review waits for a person; failed keeps its checkpoint and is resumed.',
  'No drift is said with coverage and completeThrough: where only the app side was scanned, nothing is said of Stripe.',
  'For what changed in public, follow the work-log feed instead of scanning.',
]
