-- Who is calling: people, organisations, keys and grants.
--
-- Tables with the prefix auth_ belong to better-auth 1.7.5 and hold what its schema asks for, and no less (a test
-- compares); names follow src/access/table-names.ts.

CREATE TABLE auth_user (
  id             text        PRIMARY KEY,
  name           text        NOT NULL,
  email          text        NOT NULL UNIQUE,
  email_verified boolean     NOT NULL,
  image          text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (email = lower(email))
);

-- A cookie is this token and its signature by the server's secret: the row alone opens nothing.
CREATE TABLE auth_session (
  id                     text        PRIMARY KEY,
  expires_at             timestamptz NOT NULL,
  token                  text        NOT NULL UNIQUE,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL,
  ip_address             text,
  user_agent             text,
  user_id                text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
  active_organization_id text
);
CREATE INDEX auth_session_user_id_idx ON auth_session (user_id);

CREATE TABLE auth_account (
  id                       text        PRIMARY KEY,
  account_id               text        NOT NULL,
  provider_id              text        NOT NULL,
  user_id                  text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
  access_token             text,
  refresh_token            text,
  id_token                 text,
  access_token_expires_at  timestamptz,
  refresh_token_expires_at timestamptz,
  scope                    text,
  password                 text,
  created_at               timestamptz NOT NULL DEFAULT now(),
  updated_at               timestamptz NOT NULL
);
CREATE INDEX auth_account_user_id_idx ON auth_account (user_id);

-- Short-lived values of better-auth; authorization codes are stored as hashes.
CREATE TABLE auth_verification (
  id         text        PRIMARY KEY,
  identifier text        NOT NULL,
  value      text        NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX auth_verification_identifier_idx ON auth_verification (identifier);

-- The id is the slug: the tenant key everywhere, and what the contracts call artistId. It never changes.
CREATE TABLE auth_organization (
  id         text        PRIMARY KEY,
  name       text        NOT NULL,
  slug       text        NOT NULL UNIQUE,
  logo       text,
  created_at timestamptz NOT NULL,
  metadata   text,
  CHECK (id = slug),
  CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) <= 63)
);

CREATE TABLE auth_member (
  id              text        PRIMARY KEY,
  organization_id text        NOT NULL REFERENCES auth_organization (id) ON DELETE CASCADE,
  user_id         text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
  role            text        NOT NULL,
  created_at      timestamptz NOT NULL,
  CHECK (role IN ('owner', 'admin', 'member')),
  UNIQUE (organization_id, user_id)
);
CREATE INDEX auth_member_organization_id_idx ON auth_member (organization_id);
CREATE INDEX auth_member_user_id_idx ON auth_member (user_id);

CREATE TABLE auth_invitation (
  id              text        PRIMARY KEY,
  organization_id text        NOT NULL REFERENCES auth_organization (id) ON DELETE CASCADE,
  email           text        NOT NULL,
  role            text,
  status          text        NOT NULL,
  expires_at      timestamptz NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  inviter_id      text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE
);
CREATE INDEX auth_invitation_organization_id_idx ON auth_invitation (organization_id);
CREATE INDEX auth_invitation_email_idx ON auth_invitation (email);

-- key is SHA-256 of the bearer; access_keys below says what the bearer may do.
CREATE TABLE auth_apikey (
  id                     text        PRIMARY KEY,
  config_id              text        NOT NULL,
  name                   text,
  start                  text,
  reference_id           text        NOT NULL,
  prefix                 text,
  key                    text        NOT NULL,
  refill_interval        integer,
  refill_amount          integer,
  last_refill_at         timestamptz,
  enabled                boolean,
  rate_limit_enabled     boolean,
  rate_limit_time_window integer,
  rate_limit_max         integer,
  request_count          integer,
  remaining              integer,
  last_request           timestamptz,
  expires_at             timestamptz,
  created_at             timestamptz NOT NULL,
  updated_at             timestamptz NOT NULL,
  permissions            text,
  metadata               text
);
CREATE INDEX auth_apikey_config_id_idx ON auth_apikey (config_id);
CREATE INDEX auth_apikey_reference_id_idx ON auth_apikey (reference_id);
CREATE INDEX auth_apikey_key_idx ON auth_apikey (key);

CREATE TABLE auth_oauth_client (
  id                                  text        PRIMARY KEY,
  client_id                           text        NOT NULL UNIQUE,
  client_secret                       text,
  client_discovery_id                 text,
  disabled                            boolean,
  skip_consent                        boolean,
  enable_end_session                  boolean,
  subject_type                        text,
  scopes                              jsonb,
  client_credentials_scopes           jsonb,
  user_id                             text        REFERENCES auth_user (id) ON DELETE CASCADE,
  created_at                          timestamptz,
  updated_at                          timestamptz,
  name                                text,
  uri                                 text,
  icon                                text,
  contacts                            jsonb,
  tos                                 text,
  policy                              text,
  software_id                         text,
  software_version                    text,
  software_statement                  text,
  redirect_uris                       jsonb       NOT NULL,
  post_logout_redirect_uris           jsonb,
  backchannel_logout_uri              text,
  backchannel_logout_session_required boolean,
  token_endpoint_auth_method          text,
  application_type                    text,
  jwks                                text,
  jwks_uri                            text,
  grant_types                         jsonb,
  response_types                      jsonb,
  require_pkce                        boolean,
  dpop_bound_access_tokens            boolean,
  reference_id                        text,
  metadata                            jsonb
);
CREATE INDEX auth_oauth_client_user_id_idx ON auth_oauth_client (user_id);

CREATE TABLE auth_oauth_resource (
  id                                text        PRIMARY KEY,
  identifier                        text        NOT NULL UNIQUE,
  name                              text        NOT NULL,
  access_token_ttl                  integer,
  refresh_token_ttl                 integer,
  signing_algorithm                 text,
  signing_key_id                    text,
  allowed_scopes                    jsonb,
  custom_claims                     jsonb,
  dpop_bound_access_tokens_required boolean,
  disabled                          boolean,
  created_at                        timestamptz,
  updated_at                        timestamptz,
  policy_version                    integer,
  metadata                          jsonb
);

CREATE TABLE auth_oauth_client_resource (
  id          text        PRIMARY KEY,
  client_id   text        NOT NULL REFERENCES auth_oauth_client (client_id) ON DELETE CASCADE,
  resource_id text        NOT NULL REFERENCES auth_oauth_resource (identifier) ON DELETE CASCADE,
  metadata    jsonb,
  created_at  timestamptz
);
CREATE INDEX auth_oauth_client_resource_client_id_idx ON auth_oauth_client_resource (client_id);
CREATE INDEX auth_oauth_client_resource_resource_id_idx ON auth_oauth_client_resource (resource_id);
CREATE UNIQUE INDEX auth_oauth_client_resource_client_id_resource_id_uidx ON auth_oauth_client_resource (client_id, resource_id);

CREATE TABLE auth_oauth_refresh_token (
  id                         text        PRIMARY KEY,
  token                      text        NOT NULL UNIQUE,
  client_id                  text        NOT NULL REFERENCES auth_oauth_client (client_id) ON DELETE CASCADE,
  session_id                 text        REFERENCES auth_session (id) ON DELETE SET NULL,
  user_id                    text        NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
  reference_id               text,
  authorization_code_id      text,
  resources                  jsonb,
  requested_user_info_claims jsonb,
  expires_at                 timestamptz NOT NULL,
  created_at                 timestamptz NOT NULL,
  revoked                    timestamptz,
  rotated_at                 timestamptz,
  rotation_replay_response   text,
  rotation_replay_expires_at timestamptz,
  auth_time                  timestamptz,
  confirmation               jsonb,
  scopes                     jsonb       NOT NULL
);
CREATE INDEX auth_oauth_refresh_token_client_id_idx ON auth_oauth_refresh_token (client_id);
CREATE INDEX auth_oauth_refresh_token_session_id_idx ON auth_oauth_refresh_token (session_id);
CREATE INDEX auth_oauth_refresh_token_user_id_idx ON auth_oauth_refresh_token (user_id);
CREATE INDEX auth_oauth_refresh_token_authorization_code_id_idx ON auth_oauth_refresh_token (authorization_code_id);

-- token is SHA-256 of the bearer; reference_id is the grant that it draws on.
CREATE TABLE auth_oauth_access_token (
  id                         text        PRIMARY KEY,
  token                      text        NOT NULL UNIQUE,
  client_id                  text        NOT NULL REFERENCES auth_oauth_client (client_id) ON DELETE CASCADE,
  session_id                 text        REFERENCES auth_session (id) ON DELETE SET NULL,
  user_id                    text        REFERENCES auth_user (id) ON DELETE CASCADE,
  reference_id               text,
  authorization_code_id      text,
  resources                  jsonb,
  requested_user_info_claims jsonb,
  refresh_id                 text        REFERENCES auth_oauth_refresh_token (id) ON DELETE CASCADE,
  expires_at                 timestamptz NOT NULL,
  created_at                 timestamptz NOT NULL,
  revoked                    timestamptz,
  confirmation               jsonb,
  scopes                     jsonb       NOT NULL
);
CREATE INDEX auth_oauth_access_token_client_id_idx ON auth_oauth_access_token (client_id);
CREATE INDEX auth_oauth_access_token_session_id_idx ON auth_oauth_access_token (session_id);
CREATE INDEX auth_oauth_access_token_user_id_idx ON auth_oauth_access_token (user_id);
CREATE INDEX auth_oauth_access_token_authorization_code_id_idx ON auth_oauth_access_token (authorization_code_id);
CREATE INDEX auth_oauth_access_token_refresh_id_idx ON auth_oauth_access_token (refresh_id);

CREATE TABLE auth_oauth_consent (
  id                         text        PRIMARY KEY,
  client_id                  text        NOT NULL REFERENCES auth_oauth_client (client_id) ON DELETE CASCADE,
  user_id                    text        REFERENCES auth_user (id) ON DELETE CASCADE,
  reference_id               text,
  resources                  jsonb,
  requested_user_info_claims jsonb,
  scopes                     jsonb       NOT NULL,
  created_at                 timestamptz NOT NULL,
  updated_at                 timestamptz NOT NULL
);
CREATE INDEX auth_oauth_consent_client_id_idx ON auth_oauth_consent (client_id);
CREATE INDEX auth_oauth_consent_user_id_idx ON auth_oauth_consent (user_id);

CREATE TABLE auth_oauth_client_assertion (
  id         text        PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE FUNCTION auth_organization_keeps_slug() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the slug of an organisation never changes' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER auth_organization_keeps_slug BEFORE UPDATE OF id, slug ON auth_organization
  FOR EACH ROW WHEN (OLD.id <> NEW.id OR OLD.slug <> NEW.slug) EXECUTE FUNCTION auth_organization_keeps_slug();

-- What a bearer key may do. auth_apikey holds its hash.
CREATE TABLE access_keys (
  org        text        NOT NULL REFERENCES auth_organization (id),
  id         text        NOT NULL,
  secret_id  text        NOT NULL UNIQUE REFERENCES auth_apikey (id),
  role       text        NOT NULL CHECK (role IN ('automation', 'agent', 'listener', 'artist-admin')),
  name       text        NOT NULL,
  -- the person a listener or artist-admin key acts for; automation belongs to the organisation, agents to their grant
  user_id    text        REFERENCES auth_user (id),
  scopes     text[]      NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (org, id),
  CHECK ((user_id IS NOT NULL) = (role IN ('listener', 'artist-admin')))
);

-- What a person lets an agent do, by an agent key or by OAuth consent. Never more than that person may do at the time.
CREATE TABLE grants (
  org               text        NOT NULL REFERENCES auth_organization (id),
  id                text        NOT NULL UNIQUE,
  delegator_user_id text        NOT NULL REFERENCES auth_user (id),
  -- id, name and kind of the agent's client, as sessions show it
  client            jsonb       NOT NULL,
  scopes            text[]      NOT NULL,
  key_id            text,
  oauth_client_id   text        REFERENCES auth_oauth_client (client_id),
  created_at        timestamptz NOT NULL,
  expires_at        timestamptz,
  revoked_at        timestamptz,
  PRIMARY KEY (org, id),
  FOREIGN KEY (org, key_id) REFERENCES access_keys (org, id),
  CHECK ((key_id IS NULL) <> (oauth_client_id IS NULL))
);
CREATE UNIQUE INDEX grants_key ON grants (org, key_id) WHERE key_id IS NOT NULL;
-- one living grant per person and client: a second consent changes the first
CREATE UNIQUE INDEX grants_oauth_client ON grants (org, delegator_user_id, oauth_client_id)
  WHERE oauth_client_id IS NOT NULL AND revoked_at IS NULL;
