-- Followers: who asked to be told, what they were told, and where it is pushed to.

-- One row for each address that ever asked. Only `confirmed` ones are told anything.
CREATE TABLE subscribers (
  org              text        NOT NULL REFERENCES auth_organization (id),
  id               text        NOT NULL,
  email            text        NOT NULL CHECK (email = lower(email)),
  -- the account with this address, as far as there is one
  user_id          text        REFERENCES auth_user (id) ON DELETE SET NULL,
  status           text        NOT NULL CHECK (status IN ('pending', 'confirmed', 'unsubscribed')),
  -- IANA zone that times are told in
  time_zone        text        NOT NULL,
  -- grows with each subscribing and unsubscribing; links name it, so those of an earlier time are void
  version          integer     NOT NULL DEFAULT 1,
  -- version of the audience since which it belongs to it; null: it does not
  audience_version bigint,
  created_at       timestamptz NOT NULL,
  -- when it was last asked for; the link is good for some days from then
  asked_at         timestamptz NOT NULL,
  confirmed_at     timestamptz,
  unsubscribed_at  timestamptz,
  PRIMARY KEY (org, id),
  UNIQUE (org, email),
  CHECK ((status = 'confirmed') = (audience_version IS NOT NULL))
);
CREATE UNIQUE INDEX subscribers_account ON subscribers (org, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX subscribers_pending ON subscribers (org, asked_at, id) WHERE status = 'pending';
CREATE INDEX subscribers_confirmed ON subscribers (org, id) WHERE status = 'confirmed';

-- The confirmed subscribers of an organisation as one thing with a version. digest: XOR of SHA-256 over id and version
-- of each, so equal audiences have equal digests and keeping it costs one row.
CREATE TABLE subscriber_audiences (
  org     text     NOT NULL PRIMARY KEY REFERENCES auth_organization (id),
  version bigint   NOT NULL DEFAULT 0,
  size    integer  NOT NULL DEFAULT 0 CHECK (size >= 0),
  digest  bit(256) NOT NULL DEFAULT 0::bit(256)
);

-- A message to an audience, written with the change that it tells of and sent out in the background.
CREATE TABLE notification_campaigns (
  org              text        NOT NULL REFERENCES auth_organization (id),
  id               text        NOT NULL,
  event_id         text        NOT NULL,
  principal_id     text        NOT NULL,
  operation_id     text        NOT NULL,
  idempotency_key  text        NOT NULL,
  title            text        NOT NULL,
  -- with {start} where the start is to stand, in each follower's zone
  body             text        NOT NULL,
  starts_at        timestamptz,
  -- who: those of that version of the audience who are still confirmed
  audience_version bigint      NOT NULL,
  audience_size    integer     NOT NULL,
  audience_hash    text        NOT NULL,
  status           text        NOT NULL CHECK (status IN ('expanding', 'sending', 'done')),
  -- the last subscriber that was dealt with, in the order of ids
  reached          text        NOT NULL DEFAULT '',
  told             integer     NOT NULL DEFAULT 0,
  created_at       timestamptz NOT NULL,
  -- last step forward; a campaign that stands still is taken up again
  moved_at         timestamptz NOT NULL,
  finished_at      timestamptz,
  PRIMARY KEY (org, id),
  UNIQUE (org, principal_id, operation_id, idempotency_key),
  FOREIGN KEY (org, event_id) REFERENCES live_events (org, id)
);
CREATE INDEX notification_campaigns_by_time ON notification_campaigns (org, created_at DESC, id DESC);
CREATE INDEX notification_campaigns_open ON notification_campaigns (moved_at) WHERE status <> 'done';

-- The inbox: one row for each campaign and follower, however often its expansion is started.
CREATE TABLE notification_items (
  org           text        NOT NULL,
  campaign_id   text        NOT NULL,
  subscriber_id text        NOT NULL,
  title         text        NOT NULL,
  body          text        NOT NULL,
  time_zone     text        NOT NULL,
  created_at    timestamptz NOT NULL,
  read_at       timestamptz,
  PRIMARY KEY (org, campaign_id, subscriber_id),
  FOREIGN KEY (org, campaign_id) REFERENCES notification_campaigns (org, id),
  FOREIGN KEY (org, subscriber_id) REFERENCES subscribers (org, id)
);
CREATE INDEX notification_items_inbox ON notification_items (org, subscriber_id, created_at DESC, campaign_id DESC);
CREATE INDEX notification_items_unread ON notification_items (org, subscriber_id) WHERE read_at IS NULL;

-- Where to push. token is sealed (AES-256-GCM); token_hash is keyed and tells whether a token is known.
CREATE TABLE push_devices (
  org           text        NOT NULL REFERENCES auth_organization (id),
  id            text        NOT NULL,
  user_id       text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
  platform      text        NOT NULL CHECK (platform IN ('apns', 'fcm')),
  name          text,
  token         bytea       NOT NULL,
  token_hash    text        NOT NULL,
  created_at    timestamptz NOT NULL,
  registered_at timestamptz NOT NULL,
  PRIMARY KEY (org, id),
  UNIQUE (org, platform, token_hash)
);
CREATE INDEX push_devices_of_user ON push_devices (org, user_id);

-- What is to be sent to which device, and what became of it.
CREATE TABLE push_deliveries (
  org           text        NOT NULL,
  campaign_id   text        NOT NULL,
  device_id     text        NOT NULL,
  subscriber_id text        NOT NULL,
  platform      text        NOT NULL,
  status        text        NOT NULL CHECK (status IN
                  ('pending', 'sent', 'provider-not-configured', 'token-dropped', 'refused', 'given-up', 'withdrawn')),
  reason        text,
  attempts      integer     NOT NULL DEFAULT 0,
  next_at       timestamptz NOT NULL,
  PRIMARY KEY (org, campaign_id, device_id),
  FOREIGN KEY (org, campaign_id, subscriber_id) REFERENCES notification_items (org, campaign_id, subscriber_id)
);
CREATE INDEX push_deliveries_pending ON push_deliveries (org, campaign_id, next_at) WHERE status = 'pending';
