/** Jobs of one organisation. */
export type Jobs = {
  /** A dry run that has ended, with its plan. */
  planned: string
  /** One that failed before it had a plan. */
  failed: string
  /** One whose plan waits to be applied. */
  waiting: string
  deletion: string
  digest: string
}

/** What a sample input refers to: things of one organisation, or things that do not exist. */
export type World = {
  org: string
  eventId: string
  /** Notes of that event: one that is shown, and one that was hidden by the entry at place 3. */
  noteId: string
  /** A public embedded room that is live, with nobody in it. */
  roomId: string
  observedUpdatedAt: string
  sessionId: string
  approvalId: string
  /** A journey in the built-in store, and a type of the organisation's own without configurations. */
  configId: string
  ownType: string
  /** The source id of a pair. */
  pairedId: string
  connectorId: string
  /** A message in the channel general, unchanged since `observedUpdatedAt`. */
  messageId: string
  /** An archived channel. */
  channelId: string
  snapshotId: string
  scheduleId: string
  /** An open finding of the catalog’s scan. */
  findingId: string
  /** An entry of the public work log. */
  workId: string
  jobs: Jobs
  /** An active lesson, an active tier and a drafted store item, unchanged since `observedUpdatedAt`. */
  itemKey: string
  /** A run of the catalog’s scan, which waits. */
  syncRunId: string
  /** A device of the caller’s where it can have one, and a campaign that is over. */
  deviceId: string
  /** Tokens of a subscription’s links. */
  confirmToken: string
  endToken: string
  campaignId: string
  /** A subscription of the caller’s own to triggers, and a delivery of it that has ended. */
  triggerSubscriptionId: string
  triggerDeliveryId: string
  /** Another organisation, and a token of it, which is good. */
  source: { source_org_id: string; source_auth_token: string }
  planDigest: string
}

/** Ids of the right form. */
export const SOME: World = {
  org: 'some',
  eventId: 'event-0000',
  noteId: 'note-0000',
  roomId: 'webinar-0000',
  observedUpdatedAt: '2026-05-21T02:00:00.000Z',
  sessionId: 'session-0000',
  approvalId: 'approval-0000',
  configId: 'journey-0000',
  ownType: 'suite_0000',
  pairedId: 'paired-0000',
  connectorId: 'connector-0000',
  messageId: 'message-0000',
  channelId: 'channel-0000',
  snapshotId: 'snapshot-0123456789ab0000',
  scheduleId: 'schedule-0000',
  findingId: `finding-${'0'.repeat(32)}`,
  workId: 'work-0000',
  jobs: {
    planned: 'job-00000000000a0000',
    failed: 'job-00000000000b0000',
    waiting: 'job-00000000000c0000',
    deletion: 'job-00000000000d0000',
    digest: '1'.repeat(64),
  },
  itemKey: 'item-0000',
  syncRunId: 'sync-run-0000000000000000',
  deviceId: 'device-00000000000e0000',
  confirmToken: 'a-token-of-a-link.signed-0000',
  endToken: 'a-token-of-a-link.signed-0000',
  campaignId: 'campaign-00000000000f0000',
  triggerSubscriptionId: 'trigger-subscription-0000',
  triggerDeliveryId: 'delivery-0000',
  source: { source_org_id: 'elsewhere', source_auth_token: 'a-token' },
  planDigest: '0'.repeat(64),
}

/** The same in every organisation. */
export const SYNC_JOB = 'sync-job-stripe-catalog-app-references-0001'

type Inputs = Record<string, (world: World) => Record<string, unknown>>

/** An envelope in preview mode; who executes fills in the exact text and the evidence. */
const envelope = (action: string, id?: string, more: Record<string, unknown> = {}) => ({
  contract: 'agent-write-envelope.v1',
  contractId: 'creator.live.schedule-and-status',
  actionMode: 'preview',
  dryRun: true,
  actor: 'Security suite',
  client: 'client-suite',
  action,
  target: id === undefined ? { kind: 'live-event' } : { kind: 'live-event', id },
  confirmation: { text: 'to be filled in', acknowledgedRisk: true },
  idempotencyKey: 'security-suite-key',
  reason: 'The suite asks.',
  auditCorrelationId: 'security-suite',
  ...more,
})

const community = { contractId: 'creator.community.chat' }
const embeddedEnvelope = (family: string, action: string, id?: string) => ({
  ...envelope(`creator.embedded-rooms.${action}`, id),
  contractId: `creator.embedded-rooms.${family}`,
  target: id === undefined ? { kind: 'embedded-room' } : { kind: 'embedded-room', id },
})

const commerceEnvelope = (action: string, id?: string) => ({
  ...envelope(`creator.commerce.${action}`, id),
  contractId: 'creator.commerce.catalog',
  target: id === undefined ? { kind: 'shop-product' } : { id },
})

const judgement = { judgement: 'dismissed', evidenceHash: 'sha256-ofthesuite', note: 'It is intended.' }

const participant = {
  email: 'suite@people.example',
  displayName: 'Suite Guest',
  role: 'stage_guest',
  status: 'invited',
}

const room = {
  title: 'Suite room',
  status: 'scheduled',
  startsAt: '2026-09-01T18:00:00.000Z',
  streamProvider: 'none',
  chatEnabled: true,
  subscriberOnly: false,
}

/** The smallest good input of every operation, without `action`. The matrix proves that none is missing. */
export const INPUTS: Inputs = {
  'surfaces.list': () => ({}),
  'workflow-triggers.list': () => ({}),
  'workflow-triggers.subscriptions.list': () => ({}),
  'workflow-triggers.subscriptions.create': () => ({
    url: 'https://receiver.example/hook',
    families: ['session.approval.requested'],
  }),
  'workflow-triggers.subscriptions.update': ({ triggerSubscriptionId }) => ({
    subscriptionId: triggerSubscriptionId,
    description: 'Of the suite',
  }),
  'workflow-triggers.subscriptions.remove': ({ triggerSubscriptionId }) => ({
    subscriptionId: triggerSubscriptionId,
  }),
  'workflow-triggers.subscriptions.rotate': ({ triggerSubscriptionId }) => ({
    subscriptionId: triggerSubscriptionId,
  }),
  'workflow-triggers.subscriptions.test': ({ triggerSubscriptionId }) => ({
    subscriptionId: triggerSubscriptionId,
  }),
  'workflow-triggers.deliveries.list': ({ triggerSubscriptionId }) => ({
    subscriptionId: triggerSubscriptionId,
  }),
  'workflow-triggers.deliveries.redeliver': ({ triggerSubscriptionId, triggerDeliveryId }) => ({
    subscriptionId: triggerSubscriptionId,
    deliveryId: triggerDeliveryId,
  }),
  'actions.contracts.read': () => ({}),
  'actions.envelope.validate': () => ({ contractId: 'creator.live.schedule-and-status', envelope: {} }),
  'sessions.manifest.read': () => ({}),
  'sessions.create': () => ({ workflow: 'suite.run', client: { id: 'c', name: 'Suite', kind: 'test' } }),
  'sessions.read': ({ sessionId }) => ({ sessionId }),
  'sessions.list': () => ({}),
  'sessions.messages.append': ({ sessionId }) => ({ sessionId, actorKind: 'agent', summary: 'Said so.' }),
  'sessions.events.read': ({ sessionId }) => ({ sessionId }),
  'sessions.approvals.request': ({ sessionId, eventId, planDigest }) => ({
    sessionId,
    operationId: 'live.events.status.confirmed-update',
    input: { eventId, nextStatus: 'cancelled' },
    planDigest,
    reason: 'The suite asks.',
  }),
  'sessions.approvals.read': ({ sessionId, approvalId }) => ({ sessionId, approvalId }),
  'sessions.approvals.resolve': ({ sessionId, approvalId, planDigest }) => ({
    sessionId,
    approvalId,
    decision: 'approve',
    planDigest,
  }),
  'sessions.complete': ({ sessionId }) => ({ sessionId, outcome: 'completed', summary: 'Done.' }),
  'sessions.cancel': ({ sessionId }) => ({ sessionId, reason: 'No longer wanted.' }),
  'live.controls.read': ({ eventId }) => ({ eventId }),
  'live.events.schedule.preview': ({ eventId }) => ({ eventId, ...room }),
  'live.events.schedule.confirmed-create': () => ({
    ...room,
    envelope: envelope('creator.live.schedule.create'),
  }),
  'live.events.schedule.confirmed-update': ({ eventId, observedUpdatedAt }) => ({
    eventId,
    observedUpdatedAt,
    ...room,
    envelope: envelope('creator.live.schedule.update', eventId),
  }),
  'live.events.status.preview': ({ eventId }) => ({ eventId, nextStatus: 'cancelled' }),
  'live.events.status.confirmed-update': ({ eventId, observedUpdatedAt }) => ({
    eventId,
    nextStatus: 'cancelled',
    observedUpdatedAt,
    envelope: envelope('creator.live.status.update', eventId),
  }),
  'live.chat.messages.read': ({ eventId }) => ({ eventId }),
  'live.chat.messages.post': ({ eventId }) => ({ eventId, body: 'The suite says hello.' }),
  'live.chat.moderation.manage': ({ noteId }) => ({ id: noteId, status: 'hidden' }),
  'live.chat.settings.update': ({ eventId }) => ({ id: eventId, slowModeSeconds: 7 }),
  'live.socket-token.create': ({ eventId }) => ({ eventId, viewerId: 'suite' }),
  'live.log.read': ({ eventId }) => ({ eventId }),
  'live.moderation.batch.preview': ({ eventId }) => ({
    eventId,
    rule: { contains: 'suite' },
    status: 'hidden',
  }),
  'live.moderation.batch.confirmed-update': ({ eventId }) => ({
    eventId,
    rule: { contains: 'suite' },
    status: 'hidden',
    envelope: {
      ...envelope('creator.live.notes.moderate'),
      contractId: 'creator.live.moderation',
      target: { kind: 'live-room', id: eventId },
    },
  }),
  'live.moderation.undo.preview': ({ eventId }) => ({ eventId, fromSeq: 1, toSeq: 9 }),
  'live.moderation.undo.confirmed-update': ({ eventId }) => ({
    eventId,
    fromSeq: 1,
    toSeq: 9,
    envelope: {
      ...envelope('creator.live.notes.restore'),
      contractId: 'creator.live.moderation',
      target: { kind: 'live-room', id: eventId },
    },
  }),
  'live.events.schedule': () => room,
  'live.community-channel.link': ({ eventId }) => ({ id: eventId, ...room, communityChannelId: 'general' }),
  'live.events.status.update': ({ eventId }) => ({ id: eventId, status: 'cancelled', confirmed: true }),
  'live.events.audit.read': ({ eventId }) => ({ eventId }),
  'community.chat.read': () => ({}),
  'community.messages.read': () => ({ channelId: 'general' }),
  'community.messages.post': () => ({
    body: 'Hello from the suite',
    envelope: envelope('listener.community.message.post', 'general', community),
  }),
  'community.messages.react': ({ messageId }) => ({ messageId, reaction: 'like' }),
  'community.messages.moderate': ({ messageId, observedUpdatedAt }) => ({
    messageId,
    status: 'hidden',
    observedUpdatedAt,
    envelope: envelope('creator.community.message.moderate', messageId, community),
  }),
  'community.channels.manage': ({ channelId }) => ({
    change: 'update',
    channelId,
    title: 'Suite talk',
    envelope: envelope('creator.community.channels.manage', channelId, community),
  }),
  'embedded.rooms.read': ({ roomId }) => ({ roomId }),
  'embedded.room.roster.read': ({ roomId }) => ({ roomId }),
  'embedded.rooms.calendar.read': () => ({}),
  'embedded.rooms.preview': ({ roomId, eventId }) => ({ roomId, eventId, title: 'Suite webinar' }),
  'embedded.rooms.confirmed-create': ({ eventId }) => ({
    ...{ title: 'Suite webinar', access: 'invite', eventId },
    envelope: embeddedEnvelope('setup', 'create'),
  }),
  'embedded.rooms.confirmed-update': ({ roomId, eventId, observedUpdatedAt }) => ({
    ...{ roomId, eventId, observedUpdatedAt, title: 'Suite webinar' },
    envelope: embeddedEnvelope('setup', 'update', roomId),
  }),
  'embedded.room.roster.preview': ({ roomId }) => ({ roomId, ...participant }),
  'embedded.room.stage.manage': ({ roomId }) => ({
    ...{ roomId, ...participant },
    envelope: embeddedEnvelope('roster', 'roster.update', roomId),
  }),
  'embedded.room.entitlement.manage': ({ roomId }) => ({
    ...{ roomId, email: 'suite@people.example', kind: 'purchase', status: 'granted' },
    envelope: embeddedEnvelope('roster', 'entitlement.update', roomId),
  }),
  'embedded.room.join': ({ roomId }) => ({ roomId }),
  'embedded.room.leave': ({ roomId }) => ({ roomId }),
  'embedded.room.media-token.create': ({ roomId }) => ({ roomId }),
  'notifications.subscriptions.create': () => ({ email: 'suite@fans.example', timeZone: 'Europe/Berlin' }),
  'notifications.subscriptions.confirm': ({ confirmToken }) => ({ token: confirmToken }),
  'notifications.subscriptions.end': ({ endToken }) => ({ token: endToken }),
  'notifications.subscriptions.read': () => ({}),
  'notifications.confirmations.list': () => ({}),
  'notifications.inbox.list': () => ({}),
  'notifications.inbox.count': () => ({}),
  'notifications.inbox.mark': () => ({ all: true }),
  'notifications.devices.register': () => ({ platform: 'apns', token: '5e'.repeat(32) }),
  'notifications.devices.list': () => ({}),
  'notifications.devices.remove': ({ deviceId }) => ({ deviceId }),
  'notifications.campaigns.read': ({ campaignId }) => ({ campaignId }),
  'config-hub.manifest.read': () => ({}),
  'config-hub.types.list': () => ({}),
  'config-hub.types.read': ({ ownType }) => ({ type: ownType }),
  'config-hub.types.define': ({ ownType }) => ({
    type: `${ownType}x`,
    definition: { label: 'Suite', icon: 'Box' },
  }),
  'config-hub.types.remove': ({ ownType }) => ({ type: ownType }),
  'config-hub.configs.list': ({ ownType }) => ({ type: ownType, include: 'custom' }),
  'config-hub.configs.dependencies': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-hub.configs.used-by': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-hub.graph.closure': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-hub.graph.impact': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-hub.graph.cycles': () => ({}),
  'config-hub.graph.orphans': () => ({}),
  'config-hub.graph.dangling': () => ({}),
  'config-hub.index.read': () => ({}),
  'config-hub.index.rebuild': () => ({}),
  'config-hub.connectors.list': () => ({}),
  'config-hub.connectors.put': ({ connectorId }) => ({
    id: `${connectorId}x`,
    kind: 'countersign',
    base_url: 'https://countersign.example',
  }),
  'config-hub.connectors.remove': ({ connectorId }) => ({ id: connectorId }),
  'config-hub.connectors.check': ({ connectorId }) => ({ id: connectorId }),
  'config-hub.inventory.read': () => ({}),
  'config-hub.configs.compare': ({ source }) => ({ ...source, type: 'journey' }),
  'config-hub.matches.suggest': ({ source }) => ({
    ...source,
    type: 'journey',
    source_ids: ['journey-source'],
  }),
  'config-hub.lineage.confirm': ({ configId, source }) => ({
    type: 'journey',
    source_org_id: source.source_org_id,
    source_id: `source-${configId}`,
    target_id: configId,
  }),
  'config-hub.lineage.break': ({ pairedId }) => ({ type: 'journey', source_id: pairedId }),
  'config-store.documents.list': ({ ownType }) => ({ type: ownType }),
  'config-store.documents.create': ({ ownType }) => ({ type: ownType, document: { name: 'Suite' } }),
  'config-store.documents.read': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-store.documents.put': ({ configId }) => ({
    type: 'journey',
    id: `${configId}x`,
    document: { name: 'Suite' },
  }),
  'config-store.documents.patch': ({ configId }) => ({
    type: 'journey',
    id: configId,
    document: { name: 'Suite' },
  }),
  'config-store.documents.delete': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-store.documents.history': ({ configId }) => ({ type: 'journey', id: configId }),
  'config-store.versions.read': ({ configId }) => ({ type: 'journey', id: configId, version: 1 }),
  'config-store.documents.import': ({ configId }) => ({
    documents: [{ type: 'journey', id: configId, document: { name: 'Suite' } }],
  }),
  'config-store.documents.export': () => ({}),
  'config-sync.snapshots.list': () => ({}),
  'config-sync.snapshots.create': () => ({ name: 'Suite', selection: { types: ['journey'] } }),
  'config-sync.snapshots.read': ({ snapshotId }) => ({ id: snapshotId }),
  'config-sync.snapshot-items.list': ({ snapshotId }) => ({ id: snapshotId }),
  'config-sync.snapshots.diff': ({ snapshotId }) => ({ id: snapshotId }),
  'config-sync.snapshots.remove': ({ snapshotId }) => ({ id: snapshotId }),
  'config-sync.schedules.list': () => ({}),
  'config-sync.schedules.put': ({ scheduleId }) => ({ id: scheduleId, name: 'Suite', keep: 3 }),
  'config-sync.schedules.remove': ({ scheduleId }) => ({ id: scheduleId }),
  'sync-feeds.list': () => ({}),
  'sync-feeds.work-log-read': () => ({ limit: 2 }),
  'sync-feeds.findings-read': () => ({ limit: 2 }),
  'sync-feeds.config-changes-read': () => ({ limit: 2 }),
  'sync-feeds.work-log-put': ({ workId }) => ({ id: workId, title: 'Suite', summary: 'The suite says so.' }),
  'sync-feeds.work-log-remove': ({ workId }) => ({ id: workId }),
  'config-sync.snapshots.restore': ({ snapshotId }) => ({ id: snapshotId, dry_run: true }),
  'config-sync.jobs.create': ({ org, configId, source }) => ({
    source_org_id: org,
    target_org_id: source.source_org_id,
    target_auth_token: source.source_auth_token,
    resources: [{ type: 'journey', id: configId }],
  }),
  'config-sync.jobs.list': () => ({}),
  'config-sync.jobs.read': ({ jobs }) => ({ id: jobs.planned }),
  'config-sync.resources.list': ({ jobs }) => ({ id: jobs.planned }),
  'config-sync.events.read': ({ jobs }) => ({ id: jobs.planned }),
  'config-sync.plan.read': ({ jobs }) => ({ id: jobs.planned }),
  'config-sync.jobs.retry': ({ jobs, source }) => ({
    id: jobs.failed,
    target_auth_token: source.source_auth_token,
  }),
  'config-sync.jobs.cancel': ({ jobs }) => ({ id: jobs.waiting }),
  'config-sync.jobs.apply': ({ jobs }) => ({ id: jobs.waiting, plan_digest: jobs.digest }),
  'config-sync.jobs.rollback': ({ jobs, source }) => ({
    id: jobs.failed,
    target_auth_token: source.source_auth_token,
  }),
  'config-sync.deletes.create': ({ configId }) => ({ resources: [{ type: 'journey', id: configId }] }),
  'config-sync.deletes.list': () => ({}),
  'config-sync.deletes.read': ({ jobs }) => ({ id: jobs.deletion }),
  'config-sync.deletions.list': ({ jobs }) => ({ id: jobs.deletion }),
  'catalog.items.list': () => ({}),
  'catalog.items.read': ({ itemKey }) => ({ sourceKind: 'lesson-offering', key: itemKey }),
  'catalog.items.create': ({ itemKey }) => ({
    ...{ sourceKind: 'lesson-offering', key: `${itemKey}x`, title: 'Suite lesson' },
    ...{ amountCents: 100, currency: 'usd', stripePriceId: 'price_ofthesuite' },
  }),
  'catalog.items.update': ({ itemKey }) => ({
    ...{ sourceKind: 'lesson-offering', key: itemKey, amountCents: 200, stripePriceId: 'price_ofthesuite' },
  }),
  'catalog.items.remove': ({ itemKey }) => ({ sourceKind: 'shop-product', key: itemKey }),
  'catalog.items.import': ({ itemKey }) => ({
    items: [
      { sourceKind: 'shop-product', key: itemKey, title: 'Suite score', amountCents: 300, currency: 'usd' },
    ],
  }),
  'catalog.stripe.readiness': () => ({}),
  'catalog.stripe-writes.list': ({ itemKey }) => ({ id: `write-${itemKey}` }),
  'catalog.commerce.read': () => ({}),
  'catalog.lesson-price.preview': ({ itemKey }) => ({ key: itemKey, amountCents: 400 }),
  'catalog.lesson-price.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, amountCents: 400, observedUpdatedAt },
    envelope: commerceEnvelope('lesson-price.update', `lesson-offering:${itemKey}`),
  }),
  'catalog.lesson-stripe-price.preview': ({ itemKey }) => ({
    ...{ key: itemKey, stripePriceId: 'price_ofthesuite' },
  }),
  'catalog.lesson-stripe-price.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, stripePriceId: 'price_ofthesuite', observedUpdatedAt },
    envelope: commerceEnvelope('lesson-stripe-price.update', `lesson-offering:${itemKey}`),
  }),
  'catalog.membership-stripe-price.preview': ({ itemKey }) => ({
    ...{ key: itemKey, stripePriceId: 'price_ofthesuite' },
  }),
  'catalog.membership-stripe-price.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, stripePriceId: 'price_ofthesuite', observedUpdatedAt },
    envelope: commerceEnvelope('membership-stripe-price.update', `membership-tier:${itemKey}`),
  }),
  'catalog.membership-lifecycle.preview': ({ itemKey }) => ({ key: itemKey, status: 'retired' }),
  'catalog.membership-lifecycle.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, status: 'retired', observedUpdatedAt },
    envelope: commerceEnvelope('membership-lifecycle.update', `membership-tier:${itemKey}`),
  }),
  'catalog.shop-product.preview': ({ itemKey }) => ({
    ...{ title: `Suite poster ${itemKey}`, amountCents: 500, currency: 'usd' },
  }),
  'catalog.shop-product.confirmed-create': ({ itemKey }) => ({
    ...{ title: `Suite poster ${itemKey}`, amountCents: 500, currency: 'usd' },
    envelope: commerceEnvelope('shop-product.create'),
  }),
  'catalog.shop-visibility.preview': ({ itemKey }) => ({ key: itemKey, visible: false }),
  'catalog.shop-visibility.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, visible: false, observedUpdatedAt },
    envelope: commerceEnvelope('shop-visibility.update', `shop-product:${itemKey}`),
  }),
  'catalog.shop-details.preview': ({ itemKey }) => ({ key: itemKey, title: 'Suite score' }),
  'catalog.shop-details.confirmed-update': ({ itemKey, observedUpdatedAt }) => ({
    ...{ key: itemKey, title: 'Suite score', observedUpdatedAt },
    envelope: commerceEnvelope('shop-details.update', `shop-product:${itemKey}`),
  }),
  'sync-jobs.manifest.read': () => ({}),
  'sync-jobs.read': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.checkpoint.read': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.drift.read': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.runs.start': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.runs.list': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.runs.read': ({ syncRunId }) => ({ runId: syncRunId }),
  'sync-jobs.runs.cancel': ({ syncRunId }) => ({ runId: syncRunId }),
  'sync-jobs.runs.resume': ({ syncRunId }) => ({ runId: syncRunId }),
  'sync-jobs.schedules.put': () => ({ jobId: SYNC_JOB, cron: '17 3 * * *' }),
  'sync-jobs.schedules.remove': () => ({ jobId: SYNC_JOB }),
  'sync-jobs.findings.list': () => ({}),
  'sync-jobs.findings.read': ({ findingId }) => ({ fingerprint: findingId }),
  'sync-jobs.findings.judge-preview': ({ findingId }) => ({ fingerprint: findingId, ...judgement }),
  'sync-jobs.findings.judge': ({ findingId }) => ({
    ...{ fingerprint: findingId, ...judgement },
    envelope: {
      ...envelope('sync-jobs.findings.judge'),
      contractId: 'sync-jobs.findings',
      target: { id: findingId },
    },
  }),
  'policies.read': () => ({}),
  'policies.update': () => ({
    operationId: 'live.events.status.confirmed-update',
    principalKind: 'automation',
    mode: 'confirm',
  }),
  'policies.budgets.update': () => ({ principalKind: 'agent', actionsPerMinute: 100, largestAudience: null }),
  'audit.read': () => ({}),
}

/** Operations that act without preview and approval: nothing joins them unnoticed. */
export const RECORDS = [
  'actions.envelope.validate',
  'sessions.approvals.request',
  'sessions.approvals.resolve',
  'sessions.cancel',
  'sessions.complete',
  'sessions.create',
  'sessions.messages.append',
  'live.chat.messages.post',
  'community.messages.react',
  'embedded.room.join',
  'embedded.room.leave',
  'embedded.room.media-token.create',
  'notifications.subscriptions.create',
  'notifications.subscriptions.confirm',
  'notifications.subscriptions.end',
  'notifications.inbox.mark',
  'notifications.devices.register',
  'notifications.devices.remove',
  'config-hub.index.rebuild',
  'config-sync.snapshots.create',
  'config-sync.snapshots.restore',
  'config-sync.jobs.create',
  'config-sync.jobs.retry',
  'config-sync.jobs.cancel',
  'config-sync.jobs.rollback',
  'config-sync.deletes.create',
  'sync-jobs.runs.start',
  'sync-jobs.runs.cancel',
  'sync-jobs.runs.resume',
  'workflow-triggers.subscriptions.create',
  'workflow-triggers.subscriptions.update',
  'workflow-triggers.subscriptions.remove',
  'workflow-triggers.subscriptions.rotate',
  'workflow-triggers.subscriptions.test',
  'workflow-triggers.deliveries.redeliver',
]
