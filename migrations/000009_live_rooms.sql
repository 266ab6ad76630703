-- Rooms of live events: one log each, the notes it tells of, and who is in it.

CREATE TABLE live_rooms (
  org               text        NOT NULL,
  event_id          text        NOT NULL,
  -- names this log among logs that ever had these numbers; with the cluster's identity it makes the epoch of positions
  origin            text        NOT NULL DEFAULT substr(md5(gen_random_uuid()::text), 1, 8),
  -- the log's counter: moved by the statement that appends, so positions have no gaps and follow commit order
  last_seq          bigint      NOT NULL DEFAULT 0,
  -- when the newest entry was made; the next one is at least a millisecond later, so that times order entries too
  last_at           timestamptz NOT NULL DEFAULT '-infinity',
  -- seconds that a listener waits between two notes; 0 is off
  slow_mode_seconds smallint    NOT NULL DEFAULT 0 CHECK (slow_mode_seconds BETWEEN 0 AND 3600),
  -- counted as notes are written and moderated, so that no reader counts them again
  visible_messages  integer     NOT NULL DEFAULT 0,
  flagged_messages  integer     NOT NULL DEFAULT 0,
  hidden_messages   integer     NOT NULL DEFAULT 0,
  pinned_messages   integer     NOT NULL DEFAULT 0,
  PRIMARY KEY (org, event_id),
  FOREIGN KEY (org, event_id) REFERENCES live_events (org, id)
) WITH (fillfactor = 50);

CREATE TABLE live_room_entries (
  org        text        NOT NULL,
  event_id   text        NOT NULL,
  seq        bigint      NOT NULL,
  kind       text        NOT NULL CHECK (kind IN ('message', 'moderation', 'status', 'settings', 'roster')),
  at         timestamptz NOT NULL,
  -- the notes it is about; what they are now is read from them, so that nothing hidden comes back in a replay
  messages   text[]      NOT NULL DEFAULT '{}',
  detail     jsonb       NOT NULL DEFAULT '{}',
  -- no foreign key: the statement that appends moves its room's own counter
  PRIMARY KEY (org, event_id, seq)
);

ALTER TABLE live_chat_messages
  ADD COLUMN seq        bigint,
  ADD COLUMN user_id    text,
  ADD COLUMN version    integer NOT NULL DEFAULT 1,
  ADD COLUMN updated_at timestamptz;

INSERT INTO live_rooms (org, event_id) SELECT org, id FROM live_events;
UPDATE live_chat_messages m SET seq = o.seq, updated_at = m.created_at
  FROM (SELECT org, id, row_number() OVER (PARTITION BY org, event_id ORDER BY created_at, id) AS seq FROM live_chat_messages) o
 WHERE m.org = o.org AND m.id = o.id;
INSERT INTO live_room_entries (org, event_id, seq, kind, at, messages)
  SELECT org, event_id, seq, 'message', created_at, ARRAY[id] FROM live_chat_messages;
UPDATE live_rooms r SET last_seq = c.n, last_at = c.at, visible_messages = c.visible, flagged_messages = c.flagged,
       hidden_messages = c.hidden, pinned_messages = c.pinned
  FROM (SELECT org, event_id, count(*) AS n, max(created_at) AS at, count(*) FILTER (WHERE status = 'visible') AS visible,
               count(*) FILTER (WHERE status = 'flagged') AS flagged, count(*) FILTER (WHERE status = 'hidden') AS hidden,
               count(*) FILTER (WHERE pinned) AS pinned
          FROM live_chat_messages GROUP BY org, event_id) c
 WHERE r.org = c.org AND r.event_id = c.event_id;
ALTER TABLE live_chat_messages ALTER COLUMN seq SET NOT NULL, ALTER COLUMN updated_at SET NOT NULL;
CREATE UNIQUE INDEX live_chat_messages_seq ON live_chat_messages (org, event_id, seq);

-- One row per person who wrote in a room or was ever removed from it.
CREATE TABLE live_room_people (
  org          text        NOT NULL,
  event_id     text        NOT NULL,
  user_id      text        NOT NULL,
  -- moved by every removal: tokens of an earlier generation open nothing any more
  generation   integer     NOT NULL DEFAULT 0,
  removed      boolean     NOT NULL DEFAULT false,
  -- token bucket of notes, shared by all processes
  tokens       real        NOT NULL,
  refilled_at  timestamptz NOT NULL,
  last_note_at timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (org, event_id, user_id),
  FOREIGN KEY (org, event_id) REFERENCES live_events (org, id)
) WITH (fillfactor = 50);

-- Processes that hold sockets. One that stops renewing its lease is dead, and nobody is present through it.
CREATE TABLE live_nodes (
  node        text        PRIMARY KEY,
  lease_until timestamptz NOT NULL
);

CREATE TABLE live_presence (
  org        text        NOT NULL,
  event_id   text        NOT NULL,
  connection text        NOT NULL,
  node       text        NOT NULL,
  -- who is there: user:<id> or viewer:<id>; several connections of one are one listener
  person     text        NOT NULL,
  signed_in  boolean     NOT NULL,
  joined_at  timestamptz NOT NULL,
  -- set when the connection ends; the person is present until the grace is over
  left_at    timestamptz,
  PRIMARY KEY (org, event_id, connection)
);
CREATE INDEX live_presence_node ON live_presence (node);

-- What positions in a room's log are valid for: a database that was restored elsewhere, or to an earlier time, has
-- another system identifier or timeline.
CREATE FUNCTION live_room_epoch(origin text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT origin || substr(md5(s.system_identifier::text || '/' || c.timeline_id::text), 1, 8)
    FROM pg_control_system() s, pg_control_checkpoint() c
$$;

-- Writes notes into one room's log, in the order given, each if its author may write now. One statement, so that the
-- room's row is held for a fraction of a millisecond besides the commit, whatever comes over the network.
-- `posts`: [{id, userId, name, body, moderates, subscriber}]. `outcome` is posted, closed, subscribers-only, removed or
-- paced, the last with the milliseconds to wait.
CREATE FUNCTION live_room_post(p_org text, p_event text, posts jsonb, p_now timestamptz, burst real, refill_ms real)
RETURNS TABLE (place integer, outcome text, seq bigint, at timestamptz, wait_ms integer) LANGUAGE plpgsql AS $$
DECLARE
  room    live_rooms;
  event   record;
  post    record;
  author  live_room_people;
  known   boolean;
  held    real;
  fresh   timestamptz;
  wait    real;
  ids     text[] := '{}';
  users   text[] := '{}';
  names   text[] := '{}';
  bodies  text[] := '{}';
  times   timestamptz[] := '{}';
BEGIN
  -- the event before the room, as every change of an event locks them: it stays as it is until this is committed
  SELECT e.status, e.chat_enabled, e.subscriber_only INTO event FROM live_events e
   WHERE e.org = p_org AND e.id = p_event FOR KEY SHARE;
  SELECT * INTO room FROM live_rooms r WHERE r.org = p_org AND r.event_id = p_event FOR UPDATE;
  fresh := greatest(date_trunc('milliseconds', p_now), room.last_at + interval '1 millisecond');
  FOR post IN SELECT n.ordinality::integer AS place, n.value AS v FROM jsonb_array_elements(posts) WITH ORDINALITY n LOOP
    place := post.place; seq := NULL; at := NULL; wait_ms := NULL;
    known := false; held := burst; wait := 0;
    -- moderators neither wait nor are they kept out, so nothing is kept of them
    IF NOT (post.v->>'moderates')::boolean THEN
      SELECT * INTO author FROM live_room_people p
       WHERE p.org = p_org AND p.event_id = p_event AND p.user_id = post.v->>'userId' FOR UPDATE;
      known := FOUND;
      IF known THEN
        held := least(burst, author.tokens + greatest(0, extract(epoch FROM p_now - author.refilled_at)) * 1000 / refill_ms);
        wait := greatest(
          CASE WHEN held < 1 THEN (1 - held) * refill_ms ELSE 0 END,
          CASE WHEN room.slow_mode_seconds > 0 AND author.last_note_at > '-infinity' THEN
            extract(epoch FROM author.last_note_at + make_interval(secs => room.slow_mode_seconds) - p_now) * 1000 ELSE 0 END);
      END IF;
    END IF;
    IF event.status IS NULL OR event.status NOT IN ('scheduled', 'live') OR NOT event.chat_enabled THEN
      outcome := 'closed';
    ELSIF known AND author.removed THEN
      outcome := 'removed';
    ELSIF event.subscriber_only AND NOT (post.v->>'subscriber')::boolean AND NOT (post.v->>'moderates')::boolean THEN
      outcome := 'subscribers-only';
    ELSIF wait > 0 THEN
      outcome := 'paced'; wait_ms := ceil(wait);
    ELSE
      IF known THEN
        UPDATE live_room_people p SET tokens = held - 1, refilled_at = p_now, last_note_at = p_now
         WHERE p.org = p_org AND p.event_id = p_event AND p.user_id = author.user_id;
      ELSIF NOT (post.v->>'moderates')::boolean THEN
        INSERT INTO live_room_people (org, event_id, user_id, tokens, refilled_at, last_note_at)
        VALUES (p_org, p_event, post.v->>'userId', burst - 1, p_now, p_now);
      END IF;
      outcome := 'posted';
      ids := ids || (post.v->>'id'); users := users || (post.v->>'userId');
      names := names || (post.v->>'name'); bodies := bodies || (post.v->>'body');
      at := fresh + make_interval(secs => 0.001 * (cardinality(ids) - 1));
      times := times || at;
      seq := room.last_seq + cardinality(ids);
    END IF;
    RETURN NEXT;
  END LOOP;
  IF cardinality(ids) = 0 THEN RETURN; END IF;
  UPDATE live_rooms r SET last_seq = room.last_seq + cardinality(ids), last_at = times[cardinality(times)],
         visible_messages = r.visible_messages + cardinality(ids)
   WHERE r.org = p_org AND r.event_id = p_event;
  INSERT INTO live_chat_messages (org, id, event_id, seq, user_id, display_name, body, status, created_at, updated_at)
  SELECT p_org, n.id, p_event, room.last_seq + n.place, n.user_id, n.name, n.body, 'visible', n.made, n.made
    FROM unnest(ids, users, names, bodies, times) WITH ORDINALITY AS n (id, user_id, name, body, made, place);
  INSERT INTO live_room_entries (org, event_id, seq, kind, at, messages)
  SELECT p_org, p_event, room.last_seq + n.place, 'message', n.made, ARRAY[n.id]
    FROM unnest(ids, times) WITH ORDINALITY AS n (id, made, place);
END
$$;
