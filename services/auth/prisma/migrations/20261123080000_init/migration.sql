-- One row a person. The check makes the plain unique index one over all spellings of an address.
CREATE TABLE account (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email) AND email = btrim(email)),
  password_hash text NOT NULL,
  role text NOT NULL CHECK (role IN ('customer', 'operator')),
  time_zone text NOT NULL,
  locale text NOT NULL,
  version int NOT NULL DEFAULT 1 CHECK (version >= 1),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
-- For operators who look for the beginning of an email: the unique index has the order of a language, which LIKE cannot use.
CREATE INDEX account_email_prefix_idx ON account (email text_pattern_ops);

-- A log-in on one device, and the family of refresh tokens that came from it.
CREATE TABLE session (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  -- Where it was last used from, for its owner to recognise it by.
  address text,
  user_agent text,
  revoked_at timestamptz,
  revoked_because text CHECK (revoked_because IN ('logged_out', 'token_reused', 'revoked', 'password_changed')),
  CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
);
CREATE INDEX session_account_id_idx ON session (account_id);

-- Only the SHA-256 of a token is kept. A used one stays until it expires, so that a second use is noticed.
CREATE TABLE refresh_token (
  token_hash text PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
  -- How many were used before it. Tabs that used one at the same moment have the next in common.
  generation int NOT NULL CHECK (generation > 0),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX refresh_token_session_id_idx ON refresh_token (session_id, expires_at);
CREATE INDEX refresh_token_generation_idx ON refresh_token (session_id, generation);

-- A device from which an account has logged in. Its own attempts at the password are counted apart from everybody else's.
CREATE TABLE device (
  token_hash text NOT NULL CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX device_last_used_at_idx ON device (last_used_at);

-- ES256 key pairs. The one that signs is the one that began last; the one without a beginning is the next. An older one stays
-- published while its last tokens live.
CREATE TABLE signing_key (
  kid text PRIMARY KEY,
  private_jwk jsonb NOT NULL,
  public_jwk jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  signs_from timestamptz UNIQUE
);
CREATE UNIQUE INDEX signing_key_next ON signing_key ((true)) WHERE signs_from IS NULL;

-- What a key (a hash) took in the window that began with its first take.
CREATE TABLE rate_limit (
  key bytea PRIMARY KEY,
  used int NOT NULL CHECK (used >= 0),
  window_ends_at timestamptz NOT NULL
);
CREATE INDEX rate_limit_window_ends_at_idx ON rate_limit (window_ends_at);

CREATE TABLE outbox (
  seq bigserial PRIMARY KEY,
  message_id uuid NOT NULL UNIQUE,
  type text NOT NULL,
  body text NOT NULL,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
