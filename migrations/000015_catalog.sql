-- What an organisation sells: lessons, store items, membership tiers; and what of it is to be written at Stripe.

CREATE TABLE catalog_items (
  org             text        NOT NULL,
  -- compared byte by byte, so that every reader pages in one order
  source_kind     text        COLLATE "C" NOT NULL
                              CHECK (source_kind IN ('lesson-offering', 'shop-product', 'membership-tier')),
  key             text        COLLATE "C" NOT NULL,
  title           text        NOT NULL,
  status          text        NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
  active          boolean     NOT NULL GENERATED ALWAYS AS (status = 'active') STORED,
  -- whether guests see it while it is active
  visible         boolean     NOT NULL,
  -- in the smallest unit of the currency, as Stripe counts it
  amount_cents    integer     NOT NULL CHECK (amount_cents BETWEEN 0 AND 99999999),
  currency        text        NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
  -- "interval" is also the name of a type
  bill_interval   text        CHECK (bill_interval IN ('month', 'year')),
  -- as Stripe names it; leaves only redacted
  stripe_price_id text        CHECK (stripe_price_id ~ '^price_'),
  details         jsonb       NOT NULL,
  version         integer     NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL CHECK (updated_at = date_trunc('milliseconds', updated_at)),
  PRIMARY KEY (org, source_kind, key),
  CHECK ((bill_interval IS NOT NULL) = (source_kind = 'membership-tier'))
);
CREATE INDEX catalog_items_changes ON catalog_items (org, updated_at, source_kind, key);
CREATE INDEX catalog_items_mapped ON catalog_items (org, stripe_price_id) WHERE stripe_price_id IS NOT NULL;

-- The time of the last change of an organisation's catalog. Each change locks it until it commits and takes a later
-- one, so who has read up to a time misses nothing that is committed afterwards.
CREATE TABLE catalog_heads (
  org        text        PRIMARY KEY,
  updated_at timestamptz NOT NULL
);

-- Prices that a confirmed write of the catalog wants at Stripe. The row is written with the confirmed write; a job does
-- it at least once, under one idempotency key.
CREATE TABLE stripe_writes (
  org               text        NOT NULL,
  id                text        NOT NULL,
  source_kind       text        COLLATE "C" NOT NULL,
  key               text        COLLATE "C" NOT NULL,
  amount_cents      integer     NOT NULL,
  currency          text        NOT NULL,
  bill_interval     text,
  -- the price that was mapped when the write was confirmed; null: none was
  replaces          text,
  -- mapped: the catalog has the new price, the old one is still to be archived
  status            text        NOT NULL CHECK (status IN ('pending', 'mapped', 'done', 'failed', 'superseded')),
  -- created: a new price; kept: the mapped price was already as wanted
  outcome           text        CHECK (outcome IN ('created', 'kept')),
  -- what the price is of at Stripe: a product that is there, or (empty) a new one of this name; null: not settled yet
  product_id        text,
  product_name      text        NOT NULL,
  made_price_id     text,
  -- a price that is still to be archived
  archive_price_id  text,
  idempotency_key   text        NOT NULL,
  attempts          integer     NOT NULL DEFAULT 0,
  first_attempt_at  timestamptz,
  next_at           timestamptz NOT NULL,
  error_kind        text,
  operation_id      text        NOT NULL,
  requested_by      text        NOT NULL,
  session_id        text,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  finished_at       timestamptz,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, source_kind, key) REFERENCES catalog_items ON DELETE CASCADE
);
-- a later wish replaces an earlier one that is still waiting
CREATE UNIQUE INDEX stripe_writes_pending ON stripe_writes (org, source_kind, key) WHERE status = 'pending';
CREATE INDEX stripe_writes_items ON stripe_writes (org, source_kind, key, created_at);
CREATE INDEX stripe_writes_open ON stripe_writes (next_at) WHERE status = 'pending' OR archive_price_id IS NOT NULL;
