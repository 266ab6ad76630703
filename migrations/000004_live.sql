-- Live events and what their state is made of.

CREATE TABLE community_channels (
  org        text        NOT NULL,
  id         text        NOT NULL,
  title      text        NOT NULL,
  active     boolean     NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org, id)
);

CREATE TABLE live_events (
  org                    text        NOT NULL,
  id                     text        NOT NULL,
  title                  text        NOT NULL,
  description            text,
  status                 text        NOT NULL CHECK (status IN ('draft', 'scheduled', 'live', 'ended', 'cancelled')),
  starts_at              timestamptz,
  ends_at                timestamptz,
  -- IANA zone that times are shown and confirmed in; instants above are UTC
  time_zone              text        NOT NULL,
  chat_enabled           boolean     NOT NULL,
  subscriber_only        boolean     NOT NULL,
  community_channel_id   text,
  stream_provider        text        NOT NULL CHECK (stream_provider IN ('none', 'cloudflare_stream', 'external_url')),
  -- provider values: columns made for secrets; they leave only as booleans
  stream_url             text,
  stream_live_input_id   text,
  stream_video_id        text,
  stream_customer_code   text,
  stream_playback_url    text,
  replay_video_id        text,
  replay_url             text,
  replay_published_at    timestamptz,
  version                integer     NOT NULL DEFAULT 1,
  created_at             timestamptz NOT NULL,
  -- whole milliseconds, strictly increasing per row whatever the clock does: the stale guard's alias of version
  updated_at             timestamptz NOT NULL,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, community_channel_id) REFERENCES community_channels (org, id)
) WITH (fillfactor = 80);
CREATE INDEX live_events_order ON live_events (org, starts_at DESC NULLS LAST, id);

-- Notes of a live room. This release reads them for stats; posting and moderation come with the room log.
CREATE TABLE live_chat_messages (
  org          text        NOT NULL,
  id           text        NOT NULL,
  event_id     text        NOT NULL,
  display_name text        NOT NULL,
  body         text        NOT NULL,
  status       text        NOT NULL CHECK (status IN ('visible', 'hidden', 'flagged')),
  pinned       boolean     NOT NULL DEFAULT false,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, event_id) REFERENCES live_events (org, id)
);
CREATE INDEX live_chat_messages_event ON live_chat_messages (org, event_id, created_at DESC);
