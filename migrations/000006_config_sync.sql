-- Promotion of configuration between organisations: jobs, their rows and events, the journal of writes, snapshots.

-- Sync, delete, restore and rollback jobs. The organisation is the one that asked for it.
CREATE TABLE config_jobs (
  org           text        NOT NULL REFERENCES auth_organization (id),
  id            text        NOT NULL,
  kind          text        NOT NULL CHECK (kind IN ('sync', 'delete', 'restore', 'rollback')),
  name          text,
  status        text        NOT NULL
                CHECK (status IN ('pending', 'in_progress', 'succeeded', 'partial', 'failed', 'cancelled')),
  -- planning, then waiting for a decision where policy asks for one, then running
  stage         text        NOT NULL CHECK (stage IN ('planning', 'waiting', 'running', 'ended')),
  direction     text        CHECK (direction IN ('push', 'pull')),
  source_org    text,
  target_org    text        NOT NULL,
  dry_run       boolean     NOT NULL,
  -- what the plan is made of: resources, include_dependencies, conflicts, payload overrides; never a token
  request       jsonb       NOT NULL,
  -- who asked, as audit and policy see it; no credential
  requested_by  jsonb       NOT NULL,
  -- of which job this is the retry, the application or the rollback
  of_job        text,
  session_id    text,
  approval_id   text,
  -- SHA-256 of the canonical plan, and what it says as a whole (rows are in config_job_rows)
  plan_digest   text,
  plan          jsonb,
  -- a token of another server is in the memory of one process only
  needs_token   boolean     NOT NULL,
  holder        text,
  -- starts of the work: a process that lost the job to another one writes no more
  fence         integer     NOT NULL DEFAULT 0,
  current_phase text        CHECK (current_phase IN ('phase_0', 'phase_a', 'phase_a5', 'phase_b', 'finalize')),
  current_batch jsonb,
  -- rows by status, kept with them in one transaction
  counts        jsonb       NOT NULL,
  event_seq     bigint      NOT NULL DEFAULT 0,
  -- requests, seconds, lower bound of the makespan
  stats         jsonb,
  error         text,
  created_at    timestamptz NOT NULL,
  started_at    timestamptz,
  finished_at   timestamptz,
  PRIMARY KEY (org, id)
);
CREATE INDEX config_jobs_by_time ON config_jobs (org, kind, created_at DESC, id DESC);
CREATE INDEX config_jobs_open ON config_jobs (stage, holder) WHERE stage <> 'ended';

-- One configuration of a job: what the plan says of it and what became of it. seq is the place in the plan.
CREATE TABLE config_job_rows (
  org            text        NOT NULL,
  job_id         text        NOT NULL,
  seq            integer     NOT NULL,
  type           text        NOT NULL,
  -- '' where there is no source: a configuration that is to be deleted or restored
  source_id      text        NOT NULL,
  target_id      text,
  title          text,
  action         text        NOT NULL CHECK (action IN ('create', 'patch', 'delete', 'none', 'refused')),
  status         text        NOT NULL,
  phase          text        NOT NULL,
  level          integer     NOT NULL,
  -- by what source and target were matched
  matched_by     text,
  -- of the target when it was planned; null: there was none
  revision       text,
  -- the plan's row as a whole, the document apart: changes, after, omits, warnings
  plan           jsonb       NOT NULL,
  -- what the target is to be, references as symbols; without secrets
  desired        json,
  sealed_secrets bytea,
  attempt        integer     NOT NULL DEFAULT 0,
  code           text,
  error          text,
  updated_at     timestamptz NOT NULL,
  PRIMARY KEY (org, job_id, seq),
  FOREIGN KEY (org, job_id) REFERENCES config_jobs (org, id) ON DELETE CASCADE
);
CREATE INDEX config_job_rows_by_status ON config_job_rows (org, job_id, status, seq);
CREATE INDEX config_job_rows_by_key ON config_job_rows (org, job_id, type, source_id);

CREATE TABLE config_job_events (
  org       text        NOT NULL,
  job_id    text        NOT NULL,
  seq       bigint      NOT NULL,
  ts        timestamptz NOT NULL,
  phase     text,
  type      text,
  source_id text,
  target_id text,
  status    text        NOT NULL,
  message   text,
  error     text,
  PRIMARY KEY (org, job_id, seq),
  FOREIGN KEY (org, job_id) REFERENCES config_jobs (org, id) ON DELETE CASCADE
);

-- Written before each request to a target: what is about to happen and what was there before. A request without an
-- outcome after a crash is looked up at the target before anything is sent again.
CREATE TABLE config_journal (
  org          text        NOT NULL,
  job_id       text        NOT NULL,
  row_seq      integer     NOT NULL,
  step         text        NOT NULL CHECK (step IN ('create', 'patch', 'complete', 'delete')),
  outcome      text        NOT NULL CHECK (outcome IN ('intended', 'done', 'refused', 'unknown')),
  -- order of the writes that were done, which a rollback goes through from the end
  done_order   bigint,
  type         text        NOT NULL,
  target_id    text,
  -- finds what a lost create made
  marker       text,
  pre_image    json,
  pre_sealed   bytea,
  pre_revision text,
  post_revision text,
  post_hash    text,
  at           timestamptz NOT NULL,
  PRIMARY KEY (org, job_id, row_seq, step),
  FOREIGN KEY (org, job_id, row_seq) REFERENCES config_job_rows (org, job_id, seq) ON DELETE CASCADE
);

-- How long requests to a place take, by connector, type and operation, learned from those that were made.
CREATE TABLE config_latencies (
  org        text             NOT NULL REFERENCES auth_organization (id),
  connector  text             NOT NULL,
  kind       text             NOT NULL,
  count      integer          NOT NULL,
  mean_ms    double precision NOT NULL,
  updated_at timestamptz      NOT NULL,
  PRIMARY KEY (org, connector, kind)
);

-- An organisation's configuration, or some of it, as it was at one moment.
CREATE TABLE config_snapshots (
  org        text        NOT NULL REFERENCES auth_organization (id),
  id         text        NOT NULL,
  name       text        NOT NULL,
  -- {types: [..]} or {resources: [{type, id}]}; {} is everything
  selection  jsonb       NOT NULL,
  status     text        NOT NULL CHECK (status IN ('building', 'ready', 'failed')),
  -- once it is ready: how many, the SHA-256 of what it holds, and the types whose place could not be read
  items      integer     NOT NULL DEFAULT 0,
  digest     text,
  failed_types text[]    NOT NULL DEFAULT '{}',
  -- which schedule made it
  schedule   text,
  created_at timestamptz NOT NULL,
  created_by text        NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (org, id)
);

CREATE INDEX config_snapshots_by_time ON config_snapshots (org, created_at DESC, id DESC);
CREATE INDEX config_snapshots_expired ON config_snapshots (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE config_snapshot_items (
  org            text        NOT NULL,
  snapshot_id    text        NOT NULL,
  type           text        NOT NULL,
  id             text        NOT NULL,
  version        integer     NOT NULL,
  content_hash   text        NOT NULL,
  document       json        NOT NULL,
  sealed_secrets bytea,
  secret_hashes  jsonb,
  PRIMARY KEY (org, snapshot_id, type, id),
  FOREIGN KEY (org, snapshot_id) REFERENCES config_snapshots (org, id) ON DELETE CASCADE
);

CREATE TABLE config_snapshot_schedules (
  org        text        NOT NULL REFERENCES auth_organization (id),
  id         text        NOT NULL,
  name       text        NOT NULL,
  selection  jsonb       NOT NULL,
  every_hours integer    NOT NULL CHECK (every_hours BETWEEN 1 AND 8760),
  keep       integer     NOT NULL CHECK (keep BETWEEN 1 AND 1000),
  next_at    timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text        NOT NULL,
  PRIMARY KEY (org, id)
);
CREATE INDEX config_snapshot_schedules_due ON config_snapshot_schedules (next_at);
