-- Signed triggers: what happened, who asked to be told of it, and what became of telling them.

-- Outbox: written in the transaction of what happened, and only where somebody is to be told.
CREATE TABLE trigger_events (
  org           text        NOT NULL REFERENCES auth_organization (id),
  id            text        NOT NULL,
  family        text        NOT NULL,
  subject       jsonb       NOT NULL,
  data          jsonb       NOT NULL,
  happened_at   timestamptz NOT NULL,
  -- every subscription that asked for the family then has its delivery
  fanned_out_at timestamptz,
  PRIMARY KEY (org, id)
);
CREATE INDEX trigger_events_waiting ON trigger_events (happened_at) WHERE fanned_out_at IS NULL;

CREATE TABLE trigger_subscriptions (
  org               text        NOT NULL REFERENCES auth_organization (id),
  id                text        NOT NULL,
  -- whose it is, and the most that it could do when it subscribed
  principal_id      text        NOT NULL,
  principal_name    text        NOT NULL,
  scopes            text[]      NOT NULL,
  url               text        NOT NULL,
  families          text[]      NOT NULL,
  description       text        NOT NULL,
  status            text        NOT NULL CHECK (status IN ('active', 'paused', 'disabled', 'removed')),
  -- why it is disabled
  reason            text,
  -- sealed; the previous one signs too until previous_until
  secret            bytea       NOT NULL,
  previous_secret   bytea,
  previous_until    timestamptz,
  session_mode      text        NOT NULL CHECK (session_mode IN ('none', 'open', 'resume')),
  session_workflow  text,
  session_id        text,
  -- since when no delivery went through; its deliveries do not take the places of others then
  failing_since     timestamptz,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  PRIMARY KEY (org, id)
);
CREATE INDEX trigger_subscriptions_active ON trigger_subscriptions (org) WHERE status = 'active';

CREATE TABLE trigger_deliveries (
  org             text        NOT NULL,
  -- the webhook-id of every attempt
  id              text        NOT NULL,
  subscription_id text        NOT NULL,
  -- null: a test
  event_id        text,
  family          text        NOT NULL,
  -- what is signed and sent, byte by byte
  body            text        NOT NULL,
  session_id      text,
  status          text        NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  -- of this round, and of all of them: a redelivery begins a round
  tries           integer     NOT NULL DEFAULT 0,
  attempts        integer     NOT NULL DEFAULT 0,
  -- how the last attempt ended, in the closed list of rules.ts
  outcome         text,
  next_at         timestamptz NOT NULL,
  created_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  PRIMARY KEY (org, id),
  UNIQUE (org, event_id, subscription_id),
  FOREIGN KEY (org, subscription_id) REFERENCES trigger_subscriptions (org, id),
  FOREIGN KEY (org, event_id) REFERENCES trigger_events (org, id)
);
CREATE INDEX trigger_deliveries_of ON trigger_deliveries (org, subscription_id, created_at, id);
CREATE INDEX trigger_deliveries_due ON trigger_deliveries (next_at) WHERE status = 'pending';
CREATE INDEX trigger_deliveries_by_age ON trigger_deliveries (finished_at) WHERE status <> 'pending';

CREATE TABLE trigger_attempts (
  org         text        NOT NULL,
  delivery_id text        NOT NULL,
  attempt     integer     NOT NULL,
  at          timestamptz NOT NULL,
  duration_ms integer     NOT NULL,
  outcome     text        NOT NULL,
  status_code integer,
  PRIMARY KEY (org, delivery_id, attempt),
  FOREIGN KEY (org, delivery_id) REFERENCES trigger_deliveries (org, id) ON DELETE CASCADE
);
