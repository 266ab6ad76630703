import type { Transaction } from '../../db/pool.ts'
import type { Deps } from '../../deps.ts'
import { type StripeAccess, stripeOf } from '../../stripe/client.ts'
import { emitTrigger } from '../../workflow-triggers/emit.ts'
import type { Mode, RunContext, RunSummary, Since, Source, SyncJobDefinition } from '../engine/definition.ts'
import { listFindings } from '../engine/findings.ts'
import { findOpenRun } from '../engine/store.ts'
import { project } from './project.ts'
import { CLASSES } from './rules.ts'
import { appStateSource, shown } from './sources.ts'
import { eventsSource } from './stripe-events.ts'
import { asOfNow, EVENTS_OVERLAP_MS, EVENTS_REACH_MS, pricesSource, productsSource } from './stripe-side.ts'

export const STRIPE_CATALOG = 'sync-job-stripe-catalog-app-references-0001'

const APP_SIDE_ONLY =
  'No Stripe account of the organisation is configured: only the catalog is scanned, and nothing is said of Stripe.'
const TOO_OLD =
  'The last scan of Stripe’s events is too long ago, or there was none: Stripe keeps events 30 days, so everything is scanned.'

/** Finds where the catalog and Stripe do not agree. It reports, and writes nothing on either side. */
export const stripeCatalog: SyncJobDefinition = {
  id: STRIPE_CATALOG,
  title: 'Stripe catalog app-reference snapshot',
  describe: {
    source: {
      id: 'fanful-app-state-catalog-references',
      type: 'app-state-snapshot',
      provider: 'stripe-catalog-readiness',
      endpoint: {
        path: '/api/admin/stripe-catalog',
        method: 'GET',
        auth: 'artist-admin-or-approved-automation',
        description: 'Read how ready the catalog is for Stripe, and its references.',
      },
      credentials: 'server-side-only',
      modelVisibleIdentifiers: 'public-app-reference-keys',
      records: ['lesson_offerings', 'store_items', 'membership_tiers'],
    },
    target: {
      id: 'creator-commerce-catalog-drift-report',
      resourceUri: 'fanful://agent/creator-commerce/manifest',
      mode: 'drift-report-only',
      writesEnabled: false,
      reviewBoundary:
        'Drift is reported. Prices, mappings and entitlements change only by confirmed writes of creator-commerce.',
    },
    keyFields: ['sourceKind', 'key', 'updatedAt'],
    duplicateBehavior:
      'A key that comes again in the same version is skipped, and counted in duplicateRecordsSkipped.',
    redactions: [
      'provider credentials',
      'raw provider ids',
      'payment identifiers',
      'customer identifiers',
      'checkout session identifiers',
      'account emails',
    ],
  },
  classes: CLASSES,
  sources,
  finished,
  project: (tx, run, changed) =>
    project(tx, run, changed, stripeOf(run.deps, run.org) ? 'both-sides' : 'app-side-only'),
}

/** As many as an agent looks at one after the other; the others are in the list that it is told to read. */
const TOLD = 20

/** Wakes whoever subscribed to drift, where a run opened findings that are left at its end. */
async function finished(tx: Transaction, run: RunContext, summary: RunSummary): Promise<void> {
  const { opened, resolved, open, digest } = summary
  if (opened === 0 || open === 0) return
  const newest = await listFindings(tx, run.org, { jobId: run.jobId, status: 'open', limit: TOLD })
  await emitTrigger(tx, {
    ...{ org: run.org, family: 'creator.catalog.drift.detected', at: run.now },
    subject: { kind: 'sync-job', id: run.jobId, title: stripeCatalog.title },
    data: {
      ...{ jobId: run.jobId, checkpointDigest: digest, opened, resolved, open },
      fingerprints: newest.map(({ fingerprint }) => fingerprint),
    },
  })
}

async function sources(deps: Deps, org: string, mode: Mode, since: Since | null) {
  const access = stripeOf(deps, org)
  const changedSince = mode === 'incremental' ? (since?.watermarks['app-state'] ?? null) : null
  const own = { deps, org, jobId: STRIPE_CATALOG }
  if (!access) {
    const appState = appStateSource({ ...own, since: changedSince, stripe: null })
    return { sources: [appState], notes: [APP_SIDE_ONLY], coverage: 'app-side-only' as const }
  }
  // the same whenever the run goes on
  const startedAt = (await findOpenRun(deps.db, org, STRIPE_CATALOG))?.startedAt ?? deps.clock()
  const told = since?.watermarks['stripe-events']
  const reaches = told !== undefined && startedAt.getTime() - told.getTime() < EVENTS_REACH_MS
  const isFull = mode === 'full' || !reaches
  const asOf = asOfNow(access, deps.clock)
  const stripe = { access, asOf, startedAt }
  const lists: Source[] = isFull ? fromLists(access, asOf, startedAt) : [fromEvents(access, told)]
  return {
    sources: [
      ...lists.map((source) => shown(deps, source)),
      appStateSource({ ...own, since: isFull ? null : changedSince, stripe }),
    ],
    notes: mode === 'incremental' && isFull ? [TOO_OLD] : [],
    coverage: 'both-sides' as const,
    ...(isFull ? { mode: 'full' as const } : {}),
  }
}

const fromEvents = (access: StripeAccess, since: Date): Source =>
  eventsSource(access, new Date(since.getTime() - EVENTS_OVERLAP_MS))

/**
 * Lists, then what changed while they were read: a price that was archived meanwhile is in neither list. Archived ones
 * come first, so that a price which another one replaced is known to be archived before the new one is judged. The
 * events are no source of their own here, so that the lists stay complete.
 */
const fromLists = (access: StripeAccess, asOf: ReturnType<typeof asOfNow>, startedAt: Date): Source[] => [
  productsSource(access, asOf),
  pricesSource(access, false, asOf),
  pricesSource(access, true, asOf),
  { ...fromEvents(access, startedAt), sourceKinds: [] },
]
