import { contractsRead } from './actions/contracts-read.ts'
import { envelopeValidate } from './actions/envelope-validate.ts'
import { read as auditRead } from './audit/read.ts'
import { commerceRead } from './catalog/commerce-read.ts'
import { itemsCreate } from './catalog/items-create.ts'
import { itemsImport } from './catalog/items-import.ts'
import { itemsList } from './catalog/items-list.ts'
import { itemsRead } from './catalog/items-read.ts'
import { itemsRemove } from './catalog/items-remove.ts'
import { itemsUpdate } from './catalog/items-update.ts'
import { lessonPriceConfirmedUpdate } from './catalog/lesson-price-confirmed-update.ts'
import { lessonPricePreview } from './catalog/lesson-price-preview.ts'
import { lessonStripePriceConfirmedUpdate } from './catalog/lesson-stripe-price-confirmed-update.ts'
import { lessonStripePricePreview } from './catalog/lesson-stripe-price-preview.ts'
import { membershipLifecycleConfirmedUpdate } from './catalog/membership-lifecycle-confirmed-update.ts'
import { membershipLifecyclePreview } from './catalog/membership-lifecycle-preview.ts'
import { membershipStripePriceConfirmedUpdate } from './catalog/membership-stripe-price-confirmed-update.ts'
import { membershipStripePricePreview } from './catalog/membership-stripe-price-preview.ts'
import { shopDetailsConfirmedUpdate } from './catalog/shop-details-confirmed-update.ts'
import { shopDetailsPreview } from './catalog/shop-details-preview.ts'
import { shopProductConfirmedCreate } from './catalog/shop-product-confirmed-create.ts'
import { shopProductPreview } from './catalog/shop-product-preview.ts'
import { shopVisibilityConfirmedUpdate } from './catalog/shop-visibility-confirmed-update.ts'
import { shopVisibilityPreview } from './catalog/shop-visibility-preview.ts'
import { stripeReadiness } from './catalog/stripe-readiness.ts'
import { stripeWritesList } from './catalog/stripe-writes-list.ts'
import { channelsManage } from './community/channels-manage.ts'
import { chatRead } from './community/chat-read.ts'
import { messagesModerate } from './community/messages-moderate.ts'
import { messagesPost } from './community/messages-post.ts'
import { messagesReact } from './community/messages-react.ts'
import { messagesRead } from './community/messages-read.ts'
import { configsCompare } from './config-hub/configs-compare.ts'
import { configsDependencies } from './config-hub/configs-dependencies.ts'
import { configsList } from './config-hub/configs-list.ts'
import { configsUsedBy } from './config-hub/configs-used-by.ts'
import { connectorsCheck } from './config-hub/connectors-check.ts'
import { connectorsList } from './config-hub/connectors-list.ts'
import { connectorsPut } from './config-hub/connectors-put.ts'
import { connectorsRemove } from './config-hub/connectors-remove.ts'
import { graphClosure } from './config-hub/graph-closure.ts'
import { graphCycles } from './config-hub/graph-cycles.ts'
import { graphDangling } from './config-hub/graph-dangling.ts'
import { graphImpact } from './config-hub/graph-impact.ts'
import { graphOrphans } from './config-hub/graph-orphans.ts'
import { indexRead } from './config-hub/index-read.ts'
import { indexRebuild } from './config-hub/index-rebuild.ts'
import { inventoryRead } from './config-hub/inventory-read.ts'
import { lineageBreak } from './config-hub/lineage-break.ts'
import { lineageConfirm } from './config-hub/lineage-confirm.ts'
import { manifestRead as hubManifestRead } from './config-hub/manifest-read.ts'
import { matchesSuggest } from './config-hub/matches-suggest.ts'
import { typesDefine } from './config-hub/types-define.ts'
import { typesList } from './config-hub/types-list.ts'
import { typesRead } from './config-hub/types-read.ts'
import { typesRemove } from './config-hub/types-remove.ts'
import { documentsCreate } from './config-store/documents-create.ts'
import { documentsDelete } from './config-store/documents-delete.ts'
import { documentsExport } from './config-store/documents-export.ts'
import { documentsHistory } from './config-store/documents-history.ts'
import { documentsImport } from './config-store/documents-import.ts'
import { documentsList } from './config-store/documents-list.ts'
import { documentsPatch } from './config-store/documents-patch.ts'
import { documentsPut } from './config-store/documents-put.ts'
import { documentsRead } from './config-store/documents-read.ts'
import { versionsRead } from './config-store/versions-read.ts'
import { deletesCreate } from './config-sync/deletes-create.ts'
import { deletesList } from './config-sync/deletes-list.ts'
import { deletesRead } from './config-sync/deletes-read.ts'
import { deletionsList } from './config-sync/deletions-list.ts'
import { eventsRead as jobEventsRead } from './config-sync/events-read.ts'
import { jobsApply } from './config-sync/jobs-apply.ts'
import { jobsCancel } from './config-sync/jobs-cancel.ts'
import { jobsCreate } from './config-sync/jobs-create.ts'
import { jobsList } from './config-sync/jobs-list.ts'
import { jobsRead } from './config-sync/jobs-read.ts'
import { jobsRetry } from './config-sync/jobs-retry.ts'
import { jobsRollback } from './config-sync/jobs-rollback.ts'
import { planRead } from './config-sync/plan-read.ts'
import { resourcesList } from './config-sync/resources-list.ts'
import { schedulesList } from './config-sync/schedules-list.ts'
import { schedulesPut } from './config-sync/schedules-put.ts'
import { schedulesRemove } from './config-sync/schedules-remove.ts'
import { snapshotItemsList } from './config-sync/snapshot-items-list.ts'
import { snapshotsCreate } from './config-sync/snapshots-create.ts'
import { snapshotsDiff } from './config-sync/snapshots-diff.ts'
import { snapshotsList } from './config-sync/snapshots-list.ts'
import { snapshotsRead } from './config-sync/snapshots-read.ts'
import { snapshotsRemove } from './config-sync/snapshots-remove.ts'
import { snapshotsRestore } from './config-sync/snapshots-restore.ts'
import { roomEntitlementManage } from './embedded/room-entitlement-manage.ts'
import { roomJoin } from './embedded/room-join.ts'
import { roomLeave } from './embedded/room-leave.ts'
import { roomMediaTokenCreate } from './embedded/room-media-token-create.ts'
import { roomRosterPreview } from './embedded/room-roster-preview.ts'
import { roomRosterRead } from './embedded/room-roster-read.ts'
import { roomStageManage } from './embedded/room-stage-manage.ts'
import { roomsCalendarRead } from './embedded/rooms-calendar-read.ts'
import { roomsConfirmedCreate } from './embedded/rooms-confirmed-create.ts'
import { roomsConfirmedUpdate } from './embedded/rooms-confirmed-update.ts'
import { roomsPreview } from './embedded/rooms-preview.ts'
import { roomsRead } from './embedded/rooms-read.ts'
import { chatMessagesPost } from './live/chat-messages-post.ts'
import { chatMessagesRead } from './live/chat-messages-read.ts'
import { chatModerationManage } from './live/chat-moderation-manage.ts'
import { chatSettingsUpdate } from './live/chat-settings-update.ts'
import { communityChannelLink } from './live/community-channel-link.ts'
import { controlsRead } from './live/controls-read.ts'
import { eventsAuditRead } from './live/events-audit-read.ts'
import { eventsSchedule } from './live/events-schedule.ts'
import { eventsScheduleConfirmedCreate } from './live/events-schedule-confirmed-create.ts'
import { eventsScheduleConfirmedUpdate } from './live/events-schedule-confirmed-update.ts'
import { eventsSchedulePreview } from './live/events-schedule-preview.ts'
import { eventsStatusConfirmedUpdate } from './live/events-status-confirmed-update.ts'
import { eventsStatusPreview } from './live/events-status-preview.ts'
import { eventsStatusUpdate } from './live/events-status-update.ts'
import { logRead } from './live/log-read.ts'
import { moderationBatchConfirmedUpdate } from './live/moderation-batch-confirmed-update.ts'
import { moderationBatchPreview } from './live/moderation-batch-preview.ts'
import { moderationUndoConfirmedUpdate } from './live/moderation-undo-confirmed-update.ts'
import { moderationUndoPreview } from './live/moderation-undo-preview.ts'
import { socketTokenCreate } from './live/socket-token-create.ts'
import { campaignsRead } from './notifications/campaigns-read.ts'
import { confirmationsList } from './notifications/confirmations-list.ts'
import { devicesList } from './notifications/devices-list.ts'
import { devicesRegister } from './notifications/devices-register.ts'
import { devicesRemove } from './notifications/devices-remove.ts'
import { inboxCount } from './notifications/inbox-count.ts'
import { inboxList } from './notifications/inbox-list.ts'
import { inboxMark } from './notifications/inbox-mark.ts'
import { subscriptionsConfirm } from './notifications/subscriptions-confirm.ts'
import { subscriptionsCreate } from './notifications/subscriptions-create.ts'
import { subscriptionsEnd } from './notifications/subscriptions-end.ts'
import { subscriptionsRead } from './notifications/subscriptions-read.ts'
import { actionLiteral, type Operation, routePath } from './operation/define.ts'
import { budgetsUpdate } from './policies/budgets-update.ts'
import { read as policiesRead } from './policies/read.ts'
import { update as policiesUpdate } from './policies/update.ts'
import { approvalsRead } from './sessions/approvals-read.ts'
import { approvalsRequest } from './sessions/approvals-request.ts'
import { approvalsResolve } from './sessions/approvals-resolve.ts'
import { cancel } from './sessions/cancel.ts'
import { complete } from './sessions/complete.ts'
import { create } from './sessions/create.ts'
import { eventsRead } from './sessions/events-read.ts'
import { list as sessionsList } from './sessions/list.ts'
import { manifestRead } from './sessions/manifest-read.ts'
import { messagesAppend } from './sessions/messages-append.ts'
import { read as sessionsRead } from './sessions/read.ts'
import { list as surfacesList } from './surfaces/list.ts'
import { SURFACES } from './surfaces/surfaces.ts'
import { configChangesRead } from './sync-feeds/config-changes-read.ts'
import { findingsRead } from './sync-feeds/findings-read.ts'
import { list as feedsList } from './sync-feeds/list.ts'
import { workLogPut } from './sync-feeds/work-log-put.ts'
import { workLogRead } from './sync-feeds/work-log-read.ts'
import { workLogRemove } from './sync-feeds/work-log-remove.ts'
import { checkpointRead } from './sync-jobs/checkpoint-read.ts'
import { driftRead } from './sync-jobs/drift-read.ts'
import { findingsJudge } from './sync-jobs/findings-judge.ts'
import { findingsJudgePreview } from './sync-jobs/findings-judge-preview.ts'
import { findingsList } from './sync-jobs/findings-list.ts'
import { findingsRead as findingRead } from './sync-jobs/findings-read.ts'
import { manifestRead as syncJobsManifestRead } from './sync-jobs/manifest-read.ts'
import { read as syncJobsRead } from './sync-jobs/read.ts'
import { runsCancel } from './sync-jobs/runs-cancel.ts'
import { runsList } from './sync-jobs/runs-list.ts'
import { runsRead } from './sync-jobs/runs-read.ts'
import { runsResume } from './sync-jobs/runs-resume.ts'
import { runsStart } from './sync-jobs/runs-start.ts'
import { schedulesPut as syncSchedulesPut } from './sync-jobs/schedules-put.ts'
import { schedulesRemove as syncSchedulesRemove } from './sync-jobs/schedules-remove.ts'
import { deliveriesList as triggerDeliveriesList } from './workflow-triggers/deliveries-list.ts'
import { deliveriesRedeliver as triggerDeliveriesRedeliver } from './workflow-triggers/deliveries-redeliver.ts'
import { list as triggersList } from './workflow-triggers/list.ts'
import { subscriptionsCreate as triggerSubscriptionsCreate } from './workflow-triggers/subscriptions-create.ts'
import { subscriptionsList as triggerSubscriptionsList } from './workflow-triggers/subscriptions-list.ts'
import { subscriptionsRemove as triggerSubscriptionsRemove } from './workflow-triggers/subscriptions-remove.ts'
import { subscriptionsRotate as triggerSubscriptionsRotate } from './workflow-triggers/subscriptions-rotate.ts'
import { subscriptionsTest as triggerSubscriptionsTest } from './workflow-triggers/subscriptions-test.ts'
import { subscriptionsUpdate as triggerSubscriptionsUpdate } from './workflow-triggers/subscriptions-update.ts'

/** Every operation there is. Routes, tools, OpenAPI, manifests and commands follow from this list. */
export const OPERATIONS: readonly Operation[] = checked([
  surfacesList,
  contractsRead,
  envelopeValidate,
  manifestRead,
  create,
  sessionsRead,
  sessionsList,
  messagesAppend,
  eventsRead,
  approvalsRequest,
  approvalsRead,
  approvalsResolve,
  complete,
  cancel,
  controlsRead,
  eventsSchedulePreview,
  eventsScheduleConfirmedCreate,
  eventsScheduleConfirmedUpdate,
  eventsStatusPreview,
  eventsStatusConfirmedUpdate,
  chatMessagesRead,
  chatMessagesPost,
  chatModerationManage,
  socketTokenCreate,
  logRead,
  chatSettingsUpdate,
  moderationBatchPreview,
  moderationBatchConfirmedUpdate,
  moderationUndoPreview,
  moderationUndoConfirmedUpdate,
  eventsSchedule,
  communityChannelLink,
  eventsStatusUpdate,
  eventsAuditRead,
  chatRead,
  messagesRead,
  messagesPost,
  messagesReact,
  messagesModerate,
  channelsManage,
  roomsRead,
  roomRosterRead,
  roomsCalendarRead,
  roomsPreview,
  roomsConfirmedCreate,
  roomsConfirmedUpdate,
  roomRosterPreview,
  roomStageManage,
  roomEntitlementManage,
  roomJoin,
  roomLeave,
  roomMediaTokenCreate,
  subscriptionsCreate,
  subscriptionsConfirm,
  subscriptionsEnd,
  subscriptionsRead,
  confirmationsList,
  inboxList,
  inboxCount,
  inboxMark,
  devicesRegister,
  devicesList,
  devicesRemove,
  campaignsRead,
  hubManifestRead,
  typesList,
  typesRead,
  typesDefine,
  typesRemove,
  configsList,
  configsDependencies,
  configsUsedBy,
  graphClosure,
  graphImpact,
  graphCycles,
  graphOrphans,
  graphDangling,
  indexRead,
  indexRebuild,
  inventoryRead,
  configsCompare,
  matchesSuggest,
  lineageConfirm,
  lineageBreak,
  connectorsList,
  connectorsPut,
  connectorsRemove,
  connectorsCheck,
  documentsList,
  documentsCreate,
  documentsRead,
  documentsPut,
  documentsPatch,
  documentsDelete,
  documentsHistory,
  versionsRead,
  documentsImport,
  documentsExport,
  jobsCreate,
  jobsList,
  jobsRead,
  resourcesList,
  jobEventsRead,
  planRead,
  jobsRetry,
  jobsCancel,
  jobsApply,
  jobsRollback,
  deletesCreate,
  deletesList,
  deletesRead,
  deletionsList,
  snapshotsList,
  snapshotsCreate,
  snapshotsRead,
  snapshotItemsList,
  snapshotsDiff,
  snapshotsRemove,
  snapshotsRestore,
  schedulesList,
  schedulesPut,
  schedulesRemove,
  commerceRead,
  lessonPricePreview,
  lessonPriceConfirmedUpdate,
  lessonStripePricePreview,
  lessonStripePriceConfirmedUpdate,
  membershipStripePricePreview,
  membershipStripePriceConfirmedUpdate,
  membershipLifecyclePreview,
  membershipLifecycleConfirmedUpdate,
  shopProductPreview,
  shopProductConfirmedCreate,
  shopVisibilityPreview,
  shopVisibilityConfirmedUpdate,
  shopDetailsPreview,
  shopDetailsConfirmedUpdate,
  itemsList,
  itemsRead,
  itemsCreate,
  itemsUpdate,
  itemsRemove,
  itemsImport,
  stripeReadiness,
  stripeWritesList,
  feedsList,
  workLogRead,
  findingsRead,
  configChangesRead,
  workLogRemove,
  workLogPut,
  syncJobsManifestRead,
  syncJobsRead,
  checkpointRead,
  driftRead,
  runsStart,
  runsList,
  runsRead,
  runsCancel,
  runsResume,
  syncSchedulesPut,
  syncSchedulesRemove,
  findingsList,
  findingRead,
  findingsJudgePreview,
  findingsJudge,
  triggersList,
  triggerSubscriptionsList,
  triggerSubscriptionsCreate,
  triggerSubscriptionsUpdate,
  triggerSubscriptionsRemove,
  triggerSubscriptionsRotate,
  triggerSubscriptionsTest,
  triggerDeliveriesList,
  triggerDeliveriesRedeliver,
  policiesRead,
  policiesUpdate,
  budgetsUpdate,
  auditRead,
])

/** Refuses duplicate ids, tools and routes, and surfaces that nobody described. Throws at boot. */
export function checked(operations: readonly Operation[]): readonly Operation[] {
  const seen = new Set<string>()
  for (const operation of operations) {
    const { http } = operation
    const route = `route ${http.method} ${routePath(http)} ${actionLiteral(operation) ?? ''}`
    for (const name of [`operation ${operation.id}`, `tool ${operation.tool}`, route]) {
      if (seen.has(name)) throw new Error(`${name} is declared twice`)
      seen.add(name)
    }
    if (!(operation.surface in SURFACES))
      throw new Error(`${operation.id} is of the unknown surface ${operation.surface}`)
  }
  return operations
}
