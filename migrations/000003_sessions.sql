-- Agent sessions: the run, its event log, its approvals.

CREATE TABLE agent_sessions (
  org             text        NOT NULL,
  id              text        NOT NULL,
  title           text        NOT NULL,
  workflow        text        NOT NULL,
  status          text        NOT NULL CHECK (status IN ('active', 'waiting-for-approval', 'completed', 'cancelled', 'failed')),
  -- who opened it, as shown (redacted); the ids below are for access and are never shown
  principal       jsonb       NOT NULL,
  requested_by    jsonb       NOT NULL,
  client          jsonb       NOT NULL,
  principal_id    text        NOT NULL,
  user_id         text,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  -- the event log's counter: moved by the statement that appends, so sequences have no gaps and follow commit order
  last_sequence   bigint      NOT NULL DEFAULT 0,
  -- sequences up to here were removed by retention
  floor_sequence  bigint      NOT NULL DEFAULT 0,
  PRIMARY KEY (org, id)
) WITH (fillfactor = 70);
CREATE INDEX agent_sessions_recent ON agent_sessions (org, created_at DESC, id DESC);
CREATE INDEX agent_sessions_status ON agent_sessions (org, status, created_at DESC, id DESC);

CREATE TABLE session_events (
  org         text        NOT NULL,
  session_id  text        NOT NULL,
  sequence    bigint      NOT NULL,
  type        text        NOT NULL CHECK (type IN ('session.created', 'message.appended', 'tool.call.started',
                'tool.call.completed', 'approval.requested', 'approval.resolved', 'session.completed', 'session.cancelled')),
  occurred_at timestamptz NOT NULL,
  -- actor, summary, target, approval, toolCall, outcome, correlation, redactions: as served
  body        jsonb       NOT NULL,
  -- no foreign key: the statement that appends moves its session's own counter, so the session is there; checking it
  -- once more was a third of an append
  PRIMARY KEY (org, session_id, sequence)
);

CREATE TABLE session_approvals (
  org                   text        NOT NULL,
  id                    text        NOT NULL,
  session_id            text        NOT NULL,
  status                text        NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'voided', 'consumed')),
  operation_id          text        NOT NULL,
  -- the stored plan and the input it was made from, both without secret values
  plan                  jsonb       NOT NULL,
  plan_digest           text        NOT NULL,
  input                 jsonb       NOT NULL,
  -- secret arguments, encrypted; emptied when the approval is used, refused, voided or expired
  sealed_secrets        bytea,
  reason                text        NOT NULL,
  requested_by          jsonb       NOT NULL,
  requested_principal   text        NOT NULL,
  delegator_user_id     text,
  approvers_needed      smallint    NOT NULL,
  delegator_may_confirm boolean     NOT NULL,
  requested_at          timestamptz NOT NULL,
  expires_at            timestamptz NOT NULL,
  -- an approved plan must be executed before this
  execute_by            timestamptz,
  resolved_by           text,
  resolved_at           timestamptz,
  resolution_reason     text,
  consumed_at           timestamptz,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, session_id) REFERENCES agent_sessions (org, id) ON DELETE CASCADE,
  CHECK (sealed_secrets IS NULL OR status IN ('pending', 'approved'))
);
CREATE INDEX session_approvals_session ON session_approvals (org, session_id, requested_at);
CREATE INDEX session_approvals_expiry ON session_approvals (expires_at) WHERE status = 'pending';
CREATE INDEX session_approvals_execution ON session_approvals (execute_by) WHERE status = 'approved';

-- One row per person: N distinct people are N rows.
CREATE TABLE approval_decisions (
  org          text        NOT NULL,
  approval_id  text        NOT NULL,
  user_id      text        NOT NULL,
  display_name text        NOT NULL,
  decision     text        NOT NULL CHECK (decision IN ('approve', 'reject', 'expire')),
  reason       text,
  decided_at   timestamptz NOT NULL,
  PRIMARY KEY (org, approval_id, user_id),
  FOREIGN KEY (org, approval_id) REFERENCES session_approvals (org, id) ON DELETE CASCADE
);
