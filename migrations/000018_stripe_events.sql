-- What Stripe told by webhook: which changes there were, nothing of what they changed.

CREATE TABLE stripe_events (
  org         text        NOT NULL REFERENCES auth_organization (id),
  -- Stripe's own id of the event, the same however often it is delivered
  id          text        NOT NULL,
  type        text        NOT NULL,
  -- when it happened, by Stripe's clock
  created_at  timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  -- a scan that began after it arrived was asked for; null: not yet
  taken_at    timestamptz,
  PRIMARY KEY (org, id)
);
CREATE INDEX stripe_events_waiting ON stripe_events (org, received_at) WHERE taken_at IS NULL;
CREATE INDEX stripe_events_by_age ON stripe_events (received_at);
