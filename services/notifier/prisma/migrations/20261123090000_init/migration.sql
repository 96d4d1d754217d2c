CREATE TABLE account (
  user_id uuid PRIMARY KEY,
  locale text NOT NULL,
  time_zone text NOT NULL,
  version int NOT NULL CHECK (version > 0)
);

CREATE TABLE mailbox (
  user_id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 0)
);

CREATE TABLE notification (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES mailbox (user_id) ON DELETE NO ACTION ON UPDATE NO ACTION,
  seq bigint NOT NULL CHECK (seq > 0),
  type text NOT NULL CHECK (type IN ('payment_succeeded', 'charge_failed', 'expiry_notice')),
  kind text NOT NULL,
  data jsonb NOT NULL,
  live boolean NOT NULL,
  subject_id uuid NOT NULL,
  subject_version int NOT NULL,
  source_event_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  read_at timestamptz,
  stored_at timestamptz NOT NULL DEFAULT now()
);

-- The list, newest first, and what a socket has missed.
CREATE UNIQUE INDEX notification_user_id_seq_key ON notification (user_id, seq);
-- A fact is told once, also when it is said again under another event id.
CREATE UNIQUE INDEX notification_subject_id_subject_version_key ON notification (subject_id, subject_version);
CREATE UNIQUE INDEX notification_source_event_id_key ON notification (source_event_id);
-- The unread count, and the unread ones as a list.
CREATE INDEX notification_unread_idx ON notification (user_id, seq) WHERE read_at IS NULL;
-- What is old enough to go: read ones, and whatever is older than they ever get. One over the unread alone would be
-- taken for the unread count, and grow with the inboxes of everybody.
CREATE INDEX notification_read_stored_at_idx ON notification (stored_at) WHERE read_at IS NOT NULL;
CREATE INDEX notification_stored_at_idx ON notification (stored_at);

CREATE TABLE preference (
  user_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('payment_succeeded', 'charge_failed', 'expiry_notice')),
  inbox boolean NOT NULL,
  live boolean NOT NULL,
  PRIMARY KEY (user_id, type),
  CONSTRAINT preference_failures_are_told CHECK (inbox OR type <> 'charge_failed')
);

CREATE TABLE muted_fact (
  subject_id uuid NOT NULL,
  subject_version int NOT NULL,
  muted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_id, subject_version)
);
CREATE INDEX muted_fact_muted_at_idx ON muted_fact (muted_at);

CREATE TABLE outbox (seq bigserial PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, body text NOT NULL, leased_until timestamptz NOT NULL DEFAULT '-infinity', attempts int NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE inbox (consumer text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, message_id));
CREATE TABLE billing_clock (id boolean PRIMARY KEY DEFAULT true CHECK (id), offset_ms bigint NOT NULL CHECK (offset_ms >= 0));
