-- How much automation and agents may do by themselves; what goes beyond needs an approval.

CREATE TABLE action_budgets (
  org                text        NOT NULL,
  principal_kind     text        NOT NULL CHECK (principal_kind IN ('automation', 'agent')),
  -- writes of one principal, as a token bucket of this size that fills in a minute
  actions_per_minute integer     CHECK (actions_per_minute BETWEEN 1 AND 10000),
  -- the most followers that one write may tell
  largest_audience   integer     CHECK (largest_audience >= 0),
  updated_at         timestamptz NOT NULL,
  PRIMARY KEY (org, principal_kind),
  CHECK (actions_per_minute IS NOT NULL OR largest_audience IS NOT NULL)
);

-- What a principal has left; shared by all processes.
CREATE TABLE action_budget_use (
  org          text        NOT NULL,
  principal_id text        NOT NULL,
  tokens       real        NOT NULL,
  refilled_at  timestamptz NOT NULL,
  PRIMARY KEY (org, principal_id)
) WITH (fillfactor = 50);
