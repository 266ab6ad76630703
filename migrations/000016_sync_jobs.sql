-- Sync jobs: scans that go on from a checkpoint, what they have seen, and what they found.

-- What an organisation has of a job that is declared in code. No row: it was never run nor scheduled.
CREATE TABLE sync_jobs (
  org                text        NOT NULL REFERENCES auth_organization (id),
  id                 text        NOT NULL,
  -- the checkpoint, written with the effects of each page
  cursor             text,
  high_watermark     timestamptz,
  records_processed  bigint      NOT NULL DEFAULT 0,
  duplicates_skipped bigint      NOT NULL DEFAULT 0,
  -- sum mod 2^256 of the hashes of all records that are there
  digest             text        NOT NULL DEFAULT repeat('0', 64) CHECK (digest ~ '^[0-9a-f]{64}$'),
  -- of the last run that completed: its start, its end, what it covered; and of the last full one
  complete_through   timestamptz,
  last_successful_at timestamptz,
  last_full_at       timestamptz,
  coverage           text        CHECK (coverage IN ('both-sides', 'app-side-only')),
  -- by source, how far an incremental run may go back from
  watermarks         jsonb       NOT NULL DEFAULT '{}',
  schedule           jsonb,
  next_at            timestamptz,
  version            integer     NOT NULL DEFAULT 1,
  PRIMARY KEY (org, id)
);
CREATE INDEX sync_jobs_due ON sync_jobs (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE sync_runs (
  org            text        NOT NULL,
  id             text        NOT NULL,
  job_id         text        NOT NULL,
  mode           text        NOT NULL CHECK (mode IN ('full', 'incremental')),
  status         text        NOT NULL CHECK (status IN ('running', 'paused', 'needs-review', 'completed', 'failed')),
  -- the fence: each worker that takes the run counts it up, and who has an older one writes nothing
  attempt        integer     NOT NULL DEFAULT 0,
  -- which of the run's sources is being read, and from where; previous_cursor is where its last page began
  source         integer     NOT NULL DEFAULT 0,
  cursor         text,
  previous_cursor text,
  watermarks     jsonb       NOT NULL DEFAULT '{}',
  pages          integer     NOT NULL DEFAULT 0,
  scanned        bigint      NOT NULL DEFAULT 0,
  processed      bigint      NOT NULL DEFAULT 0,
  duplicates     bigint      NOT NULL DEFAULT 0,
  conflicts      bigint      NOT NULL DEFAULT 0,
  errors         integer     NOT NULL DEFAULT 0,
  opened         integer     NOT NULL DEFAULT 0,
  resolved       integer     NOT NULL DEFAULT 0,
  -- records that a full scan did not see any more
  disappeared    integer     NOT NULL DEFAULT 0,
  -- a person said that they are really gone
  accepted       boolean     NOT NULL DEFAULT false,
  coverage       text        CHECK (coverage IN ('both-sides', 'app-side-only')),
  notes          jsonb       NOT NULL DEFAULT '[]',
  resume_at      timestamptz,
  error_code     text,
  failures       integer     NOT NULL DEFAULT 0,
  requested_by   text        NOT NULL,
  started_at     timestamptz NOT NULL,
  moved_at       timestamptz NOT NULL,
  finished_at    timestamptz,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, job_id) REFERENCES sync_jobs (org, id)
);
-- one at a time
CREATE UNIQUE INDEX sync_runs_open ON sync_runs (org, job_id) WHERE status IN ('running', 'paused', 'needs-review');
CREATE INDEX sync_runs_by_time ON sync_runs (org, job_id, started_at DESC, id DESC);
CREATE INDEX sync_runs_standing ON sync_runs (moved_at) WHERE status IN ('running', 'paused');

-- The latest version of each record that was seen.
CREATE TABLE sync_records (
  org         text        NOT NULL,
  job_id      text        NOT NULL,
  source_kind text        COLLATE "C" NOT NULL,
  key         text        COLLATE "C" NOT NULL,
  updated_at  timestamptz NOT NULL,
  hash        text        NOT NULL,
  content     jsonb       NOT NULL,
  seen_run    text        NOT NULL,
  deleted_at  timestamptz,
  PRIMARY KEY (org, job_id, source_kind, key),
  FOREIGN KEY (org, job_id) REFERENCES sync_jobs (org, id)
) WITH (fillfactor = 80);

-- records by what they are part of, as the prices of a product
CREATE INDEX sync_records_parts ON sync_records (org, job_id, source_kind, (content->>'partOf'), key)
 WHERE content->>'partOf' IS NOT NULL;

CREATE TABLE sync_findings (
  org           text        NOT NULL,
  job_id        text        NOT NULL,
  fingerprint   text        NOT NULL,
  class         text        NOT NULL,
  source_kind   text        NOT NULL,
  key           text        NOT NULL,
  summary       text        NOT NULL,
  evidence      jsonb       NOT NULL,
  evidence_hash text        NOT NULL,
  needs_person  boolean     NOT NULL,
  status        text        NOT NULL CHECK (status IN ('open', 'resolved', 'dismissed')),
  version       integer     NOT NULL DEFAULT 1,
  first_run     text        NOT NULL,
  last_run      text        NOT NULL,
  opened_at     timestamptz NOT NULL,
  seen_at       timestamptz NOT NULL,
  resolved_at   timestamptz,
  judged_by     text,
  judged_at     timestamptz,
  note          text,
  PRIMARY KEY (org, job_id, fingerprint),
  FOREIGN KEY (org, job_id) REFERENCES sync_jobs (org, id)
);
CREATE INDEX sync_findings_by_subject ON sync_findings (org, job_id, source_kind, key);
CREATE INDEX sync_findings_by_status ON sync_findings (org, job_id, status, opened_at DESC, fingerprint);
