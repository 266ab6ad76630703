-- The kernel's own tables: idempotency, audit, policies.

-- One row per (principal, operation, key). Inserted, filled and committed with the effect it stands for, so a row that
-- can be seen is always complete; a concurrent same key waits on the primary key until then.
CREATE TABLE idempotency_keys (
  org          text        NOT NULL,
  principal_id text        NOT NULL,
  operation_id text        NOT NULL,
  key          text        NOT NULL,
  -- keyed hash of the validated input: tells a repetition from a different request without keeping the request
  fingerprint  text        NOT NULL,
  status       smallint,
  -- json, not jsonb: a replay is the first answer byte for byte, members in their order
  response     json,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (org, principal_id, operation_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Who did, or was refused, what. One table for every surface.
CREATE TABLE audit_log (
  org             text        NOT NULL,
  seq             bigint      GENERATED ALWAYS AS IDENTITY,
  occurred_at     timestamptz NOT NULL,
  outcome         text        NOT NULL CHECK (outcome IN ('applied', 'refused')),
  code            text,
  event           text        NOT NULL,
  operation_id    text        NOT NULL,
  tool            text        NOT NULL,
  principal       jsonb       NOT NULL,
  client          jsonb,
  target_kind     text,
  target_id       text,
  previous        jsonb,
  next            jsonb,
  plan_digest     text,
  session_id      text,
  approval_id     text,
  idempotency_key text,
  correlation_id  text,
  request_id      text        NOT NULL,
  reason          text,
  PRIMARY KEY (org, seq)
);
CREATE INDEX audit_log_target ON audit_log (org, target_kind, target_id, seq DESC);

-- What a kind of principal must bring for a write: nothing, its exact text, or people's approval.
CREATE TABLE action_policies (
  org                    text        NOT NULL,
  -- an operation id, or * for every write
  operation_id           text        NOT NULL,
  principal_kind         text        NOT NULL CHECK (principal_kind IN ('person', 'automation', 'agent')),
  mode                   text        NOT NULL CHECK (mode IN ('direct', 'confirm', 'approve')),
  approvers              smallint    NOT NULL DEFAULT 1 CHECK (approvers BETWEEN 1 AND 20),
  delegator_may_confirm  boolean     NOT NULL,
  updated_at             timestamptz NOT NULL,
  PRIMARY KEY (org, operation_id, principal_kind)
);

-- Counts the policy's changes; part of every plan digest, so that an approval never outlives the rules it was given under.
CREATE TABLE policy_versions (
  org        text        PRIMARY KEY,
  version    integer     NOT NULL,
  updated_at timestamptz NOT NULL
);
