-- Feeds: what changed, for readers who come back with a cursor.

-- An entry is ordered by (xid, seq). xid is the transaction that wrote it or, where a later one had completed by then,
-- the latest completed one: so the entries of a key, whose writers wait for each other, stand in the order in which they
-- were written. Readers are given only what lies below the horizon of a seal, where nothing can appear any more.
CREATE TABLE feed_entries (
  org        text        NOT NULL,
  feed       text        NOT NULL CHECK (feed IN ('work-log', 'findings', 'config-changes')),
  xid        xid8        NOT NULL,
  seq        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
  -- null: a batch of entries, whose keys are in data
  key        text,
  type       text        NOT NULL,
  -- null: a tombstone
  data       jsonb,
  size       integer     NOT NULL DEFAULT 1 CHECK (size > 0),
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (org, feed, xid, seq)
);
CREATE INDEX feed_entries_by_key ON feed_entries (org, feed, key, xid, seq) WHERE key IS NOT NULL;

-- Below it a cursor may have missed a tombstone or an entry that was removed for its age.
CREATE TABLE feed_floors (
  org  text   NOT NULL,
  feed text   NOT NULL,
  xid  xid8   NOT NULL,
  seq  bigint NOT NULL,
  PRIMARY KEY (org, feed)
);

-- One row. The latest time that was claimed: entries written by whoever sees a claim are later than it.
CREATE TABLE feed_clock (
  is_only           boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
  -- counts the clusters that the database has lived in: in another one, transactions are numbered anew
  epoch             integer     NOT NULL DEFAULT 1,
  system_identifier text        NOT NULL,
  claimed_at        timestamptz NOT NULL
);
INSERT INTO feed_clock (system_identifier, claimed_at)
SELECT system_identifier::text, 'epoch' FROM pg_control_system();

-- Entries ordered after xid are later than `at`, which was claimed and committed before xid was given out.
CREATE TABLE feed_marks (
  xid xid8        PRIMARY KEY,
  at  timestamptz NOT NULL
);

-- Below its horizon every transaction had ended when the seal was committed. A cursor names the seal it was read
-- under: a database restored from before that does not have it.
CREATE TABLE feed_seals (
  id        text        PRIMARY KEY,
  horizon   xid8        NOT NULL,
  sealed_at timestamptz NOT NULL
);

-- What the public may know of the organisation's work; the feed tells how it came to be.
CREATE TABLE work_log_entries (
  org         text        NOT NULL,
  id          text        NOT NULL,
  -- by whom it is kept: people, or the system as it follows a public event
  origin      text        NOT NULL CHECK (origin IN ('people', 'live-event')),
  title       text        NOT NULL,
  summary     text        NOT NULL,
  kind        text        NOT NULL,
  url         text,
  occurred_at timestamptz NOT NULL,
  version     integer     NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (org, id)
);
