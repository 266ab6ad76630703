-- The configuration hub: types, the built-in store, the index of all configuration, lineage between organisations.

-- An organisation's own types, and what it changes of the built-in ones (connector, JSON Schema).
CREATE TABLE config_types (
  org        text        NOT NULL REFERENCES auth_organization (id),
  type       text        NOT NULL,
  definition jsonb       NOT NULL,
  version    integer     NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  updated_by text        NOT NULL,
  PRIMARY KEY (org, type)
);

-- Where the configuration of an organisation lives when not in the built-in store, and other organisations elsewhere.
CREATE TABLE config_connectors (
  org                text        NOT NULL REFERENCES auth_organization (id),
  id                 text        NOT NULL,
  kind               text        NOT NULL CHECK (kind IN ('countersign', 'rest')),
  -- the organisation that it reaches, when that is another one than its owner's
  external_org       text,
  settings           jsonb       NOT NULL,
  -- AES-256-GCM under the deployment's secret; never returned
  sealed_credentials bytea,
  version            integer     NOT NULL,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  updated_by         text        NOT NULL,
  PRIMARY KEY (org, id)
);
CREATE UNIQUE INDEX config_connectors_external_org ON config_connectors (org, external_org) WHERE external_org IS NOT NULL;

-- The built-in store. json, not jsonb: a document comes back byte for byte, members in their order.
CREATE TABLE config_documents (
  org            text        NOT NULL REFERENCES auth_organization (id),
  type           text        NOT NULL,
  id             text        NOT NULL,
  version        integer     NOT NULL,
  -- null when deleted: the row is the tombstone, config_versions has what was there
  document       json,
  -- secret fields, apart: JSON {pointer: value} sealed, and a keyed hash of each to tell a change
  sealed_secrets bytea,
  secret_hashes  jsonb,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  updated_by     text        NOT NULL,
  PRIMARY KEY (org, type, id)
);

-- What documents were before: one row per superseded version.
CREATE TABLE config_versions (
  org            text        NOT NULL,
  type           text        NOT NULL,
  id             text        NOT NULL,
  version        integer     NOT NULL,
  document       json,
  sealed_secrets bytea,
  secret_hashes  jsonb,
  updated_at     timestamptz NOT NULL,
  updated_by     text        NOT NULL,
  PRIMARY KEY (org, type, id, version),
  FOREIGN KEY (org, type, id) REFERENCES config_documents (org, type, id)
);

-- The index: one node per configuration, whatever connector it comes from. A deleted one stays as a tombstone, so that
-- what still refers to it is found to dangle.
CREATE TABLE config_nodes (
  org            text        NOT NULL REFERENCES auth_organization (id),
  type           text        NOT NULL,
  id             text        NOT NULL,
  connector      text        NOT NULL,
  title          text        NOT NULL,
  -- the title in lower case, for search and for ordering by name
  title_key      text        NOT NULL COLLATE "C",
  updated_at     timestamptz NOT NULL,
  updated_by     text,
  tags           text[]      NOT NULL,
  purposes       text[]      NOT NULL,
  blueprint_ids  text[]      NOT NULL,
  active         boolean,
  usage          double precision NOT NULL,
  -- what only answers need: link, blueprints, metadata
  summary        jsonb       NOT NULL,
  natural_key    text,
  content_hash   text        NOT NULL,
  -- version of the document in the built-in store; 0 elsewhere
  version        integer     NOT NULL,
  deleted_at     timestamptz,
  PRIMARY KEY (org, type, id)
);
CREATE INDEX config_nodes_by_update ON config_nodes (org, type, updated_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX config_nodes_by_title ON config_nodes (org, type, title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX config_nodes_by_usage ON config_nodes (org, type, usage DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX config_nodes_by_natural_key ON config_nodes (org, type, natural_key) WHERE deleted_at IS NULL AND natural_key IS NOT NULL;

-- Names, edges and mentions are written together with their node, by one function, and a million of them at a time:
-- they have no foreign key, which would check each row again.
--
-- What a configuration answers to: its id, aliases, slugs, template variables.
CREATE TABLE config_names (
  org  text NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  id   text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('id', 'alias', 'slug', 'variable')),
  PRIMARY KEY (org, name, type, id, kind)
);
CREATE INDEX config_names_of_node ON config_names (org, type, id);

-- References by name, resolved against config_names when read, so that no write has to touch another's edges.
-- What is deleted has no edges and no mentions: only its node and its names stay.
-- kind: by which kind of name a declared reference names its target ('any': whichever), 'text': found in a string,
-- 'template': a variable in a template.
CREATE TABLE config_edges (
  org       text    NOT NULL,
  from_type text    NOT NULL,
  from_id   text    NOT NULL,
  name      text    NOT NULL,
  -- the declared type of the target; '' when any
  to_type   text    NOT NULL,
  kind      text    NOT NULL CHECK (kind IN ('id', 'alias', 'slug', 'variable', 'any', 'text', 'template')),
  required  boolean NOT NULL,
  PRIMARY KEY (org, from_type, from_id, name, to_type, kind)
);
-- all that used_by asks of an edge, so that the million edges of a large organisation are not read besides: what
-- everything refers to is answered in a third of the time
CREATE INDEX config_edges_by_name ON config_edges (org, name, from_type, from_id) INCLUDE (to_type, kind, required);

-- Keyed 53-bit hashes of every word of a configuration's strings that could be a name. A name that appears later finds
-- the configurations that mention it here; then their edges are written.
CREATE TABLE config_mentions (
  org    text     NOT NULL,
  type   text     NOT NULL,
  id     text     NOT NULL,
  tokens bigint[] NOT NULL,
  PRIMARY KEY (org, type, id)
);
-- Without its list of pending entries, which each look-up reads whole: 260 ms for the names of 500 new configurations.
CREATE INDEX config_mentions_tokens ON config_mentions USING gin (tokens) WITH (fastupdate = off);

-- State of an organisation's index, and of the rebuild in flight.
CREATE TABLE config_indexes (
  org               text        PRIMARY KEY REFERENCES auth_organization (id),
  status            text        NOT NULL CHECK (status IN ('building', 'ready', 'failed')),
  last_built_at     timestamptz,
  build_duration_ms integer,
  failed_types      text[]      NOT NULL DEFAULT '{}',
  -- of the rebuild in flight: a new one replaces the token, which stops the old one at its next page
  build_token       text,
  -- starts of that rebuild: a process that lost it to another one writes no more
  attempt           integer     NOT NULL DEFAULT 0,
  started_at        timestamptz,
  -- {phase, type, cursor, done: [types], failed: [types], staged}: where to go on after a crash
  checkpoint        jsonb,
  -- configurations that the rebuild has read so far
  staged_items      integer     NOT NULL DEFAULT 0
);

-- What a rebuild found to differ from the index, until it is put there. Not logged: half the writing, and after a crash
-- of PostgreSQL, which empties it, the rebuild starts again.
CREATE UNLOGGED TABLE config_staged (
  org           text        NOT NULL,
  build_token   text        NOT NULL,
  type          text        NOT NULL,
  id            text        NOT NULL,
  -- false: as in the index; kept only where the list of the place is all that says what there is
  differs       boolean     NOT NULL,
  connector     text,
  title         text,
  title_key     text,
  updated_at    timestamptz,
  updated_by    text,
  tags          text[],
  purposes      text[],
  blueprint_ids text[],
  active        boolean,
  usage         double precision,
  summary       json,
  natural_key   text,
  content_hash  text,
  version       integer,
  -- [{name, kind, hash}]
  names         json,
  -- [{name, toType, kind, required}]
  declared      json,
  words         text[],
  variables     text[],
  tokens        bigint[],
  PRIMARY KEY (org, build_token, type, id)
) WITH (toast_tuple_target = 8160);

-- Which configuration of a source organisation became which of ours. The organisation of the row is the target.
CREATE TABLE config_lineage (
  org              text        NOT NULL REFERENCES auth_organization (id),
  type             text        NOT NULL,
  source_org       text        NOT NULL,
  source_id        text        NOT NULL,
  target_id        text        NOT NULL,
  origin           text,
  last_synced_at   timestamptz,
  last_sync_job_id text,
  -- the normalised document of the last sync, the base of a three-way diff
  base             json,
  created_at       timestamptz NOT NULL,
  -- the source organisation before the type: a comparison looks ids up of which it does not know the type
  PRIMARY KEY (org, source_org, type, source_id),
  UNIQUE (org, source_org, type, target_id)
);

-- Pairs that a person broke and does not want matched again.
CREATE TABLE config_lineage_blocks (
  org        text        NOT NULL REFERENCES auth_organization (id),
  type       text        NOT NULL,
  source_org text        NOT NULL,
  source_id  text        NOT NULL,
  target_id  text        NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text        NOT NULL,
  PRIMARY KEY (org, source_org, type, source_id, target_id)
);
