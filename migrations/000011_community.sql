-- Persistent community channels, and the actions that one audited write was besides its first.

-- What one write was besides `event`: linking a channel and setting up the stream in one request is both.
ALTER TABLE audit_log ADD COLUMN also text[];
-- The actions on live events, newest first, whatever else an organisation does.
CREATE INDEX audit_log_live ON audit_log (org, seq DESC)
  WHERE outcome = 'applied' AND target_kind IN ('live-event', 'live-room', 'live-note');

-- The community of an organisation; without a row it is unlocked and was never changed. Its version counts every
-- change of the channels, and whoever changes them locks it first.
CREATE TABLE communities (
  org        text        PRIMARY KEY,
  -- the gate: while it is shut only moderators read or write the channels, and no event is linked to one
  unlocked   boolean     NOT NULL,
  version    integer     NOT NULL,
  updated_at timestamptz NOT NULL
);

-- A channel's place among the active ones; 4 places, so at most 4 are active, whatever races.
ALTER TABLE community_channels
  ADD COLUMN position smallint,
  ADD COLUMN members_only boolean NOT NULL DEFAULT false,
  -- position of the last entry in the channel's log
  ADD COLUMN head_seq bigint NOT NULL DEFAULT 0,
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  ADD COLUMN updated_at timestamptz;

UPDATE community_channels SET updated_at = date_trunc('milliseconds', created_at);

-- Every organisation has the default channel.
INSERT INTO community_channels (org, id, title, created_at, updated_at)
SELECT id, 'general', 'General', created_at, date_trunc('milliseconds', created_at) FROM auth_organization
ON CONFLICT (org, id) DO UPDATE SET active = true;

UPDATE community_channels c SET position = placed.place, active = placed.place IS NOT NULL
  FROM (SELECT org, id, CASE WHEN row_number() OVER by_age <= 4 THEN row_number() OVER by_age END AS place
          FROM community_channels WHERE active
        WINDOW by_age AS (PARTITION BY org ORDER BY id <> 'general', created_at, id)) placed
 WHERE c.org = placed.org AND c.id = placed.id;

ALTER TABLE community_channels
  ALTER COLUMN updated_at SET NOT NULL,
  ADD CHECK (CASE WHEN active THEN position BETWEEN 1 AND 4 ELSE position IS NULL END),
  ADD CHECK (id <> 'general' OR active),
  -- deferred, so that places can be exchanged
  ADD CONSTRAINT community_channels_places EXCLUDE USING btree (org WITH =, position WITH =) WHERE (active)
    DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION auth_organization_has_general() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO community_channels (org, id, title, position, created_at, updated_at)
  VALUES (NEW.id, 'general', 'General', 1, NEW.created_at, date_trunc('milliseconds', NEW.created_at))
  ON CONFLICT (org, id) DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER auth_organization_has_general AFTER INSERT ON auth_organization
  FOR EACH ROW EXECUTE FUNCTION auth_organization_has_general();

-- Messages of channels; notes of live rooms are live_chat_messages. A channel's log has an entry for each post,
-- moderation and reaction. Here a message stands at its latest entry: who has read up to a position finds everything
-- that is new or different since behind it, each once and as it is now.
CREATE TABLE community_chat_messages (
  org          text        NOT NULL,
  id           text        NOT NULL,
  channel_id   text        NOT NULL,
  -- where it was posted: its place in the channel, for good
  seq          bigint      NOT NULL,
  -- its latest entry
  at_seq       bigint      NOT NULL,
  -- the person; never shown
  user_id      text        NOT NULL,
  display_name text        NOT NULL,
  -- the agent's client that posted in the person's name
  via          text,
  body         text        NOT NULL,
  status       text        NOT NULL CHECK (status IN ('visible', 'hidden', 'flagged')),
  pinned       boolean     NOT NULL DEFAULT false,
  version      integer     NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, channel_id) REFERENCES community_channels (org, id),
  CHECK (at_seq >= seq),
  CHECK (NOT (pinned AND status = 'hidden'))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX community_chat_messages_seq ON community_chat_messages (org, channel_id, seq);
CREATE UNIQUE INDEX community_chat_messages_log ON community_chat_messages (org, channel_id, at_seq);
CREATE INDEX community_chat_messages_pinned ON community_chat_messages (org, channel_id, seq) WHERE pinned;
CREATE INDEX community_chat_messages_flagged ON community_chat_messages (org, channel_id) WHERE status = 'flagged';

CREATE TABLE community_chat_reactions (
  org        text        NOT NULL,
  message_id text        NOT NULL,
  user_id    text        NOT NULL,
  reaction   text        NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (org, message_id, user_id, reaction),
  FOREIGN KEY (org, message_id) REFERENCES community_chat_messages (org, id)
);

-- How far a person has used up what may be posted or reacted in a channel (GCRA: when all of it is free again).
CREATE TABLE community_chat_limits (
  org        text        NOT NULL,
  channel_id text        NOT NULL,
  user_id    text        NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('post', 'react')),
  free_at    timestamptz NOT NULL,
  PRIMARY KEY (org, channel_id, user_id, kind),
  FOREIGN KEY (org, channel_id) REFERENCES community_channels (org, id)
);
