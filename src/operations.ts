import { contractsRead } from './actions/contracts-read.ts'
import { envelopeValidate } from './actions/envelope-validate.ts'
import { read as auditRead } from './audit/read.ts'
import { controlsRead } from './live/controls-read.ts'
import { eventsScheduleConfirmedCreate } from './live/events-schedule-confirmed-create.ts'
import { eventsScheduleConfirmedUpdate } from './live/events-schedule-confirmed-update.ts'
import { eventsSchedulePreview } from './live/events-schedule-preview.ts'
import { eventsStatusConfirmedUpdate } from './live/events-status-confirmed-update.ts'
import { eventsStatusPreview } from './live/events-status-preview.ts'
import { actionLiteral, type Operation } from './operation/define.ts'
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
  policiesRead,
  policiesUpdate,
  auditRead,
])

/** Refuses duplicate ids, tools and routes, and surfaces that nobody described. Throws at boot. */
export function checked(operations: readonly Operation[]): readonly Operation[] {
  const seen = new Set<string>()
  for (const operation of operations) {
    const { method, path } = operation.http
    const route = `route ${method} ${path} ${actionLiteral(operation) ?? ''}`
    for (const name of [`operation ${operation.id}`, `tool ${operation.tool}`, route]) {
      if (seen.has(name)) throw new Error(`${name} is declared twice`)
      seen.add(name)
    }
    if (!(operation.surface in SURFACES))
      throw new Error(`${operation.id} is of the unknown surface ${operation.surface}`)
  }
  return operations
}
