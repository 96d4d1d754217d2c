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

-- A log-in on one device, and the family of refresh tokens that came from it.
CREATE TABLE session (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_because text CHECK (revoked_because IN ('logged_out', 'token_reused')),
  CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
);
CREATE INDEX session_account_id_idx ON session (account_id);

-- Only the SHA-256 of a token is kept. A used one stays until it expires, so that a second use is noticed.
CREATE TABLE refresh_token (
  token_hash text PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
  session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX refresh_token_session_id_idx ON refresh_token (session_id, expires_at);

-- ES256 key pairs. A retired key signs nothing more, and stays published while its last tokens live.
CREATE TABLE signing_key (
  kid text PRIMARY KEY,
  private_jwk jsonb NOT NULL,
  public_jwk jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);

CREATE TABLE outbox (
  seq bigserial PRIMARY KEY,
  message_id uuid NOT NULL UNIQUE,
  type text NOT NULL,
  body text NOT NULL,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
