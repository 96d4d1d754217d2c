CREATE TABLE payment (
  id uuid PRIMARY KEY,
  idempotency_key text NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 100),
  status text NOT NULL CHECK (status IN ('succeeded', 'declined')),
  decline_code text,
  amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
  currency text NOT NULL,
  payment_method text NOT NULL,
  created_at timestamptz NOT NULL,
  -- What was given back so far. The check makes it impossible to give back more than was captured, whoever races.
  refunded_amount bigint NOT NULL DEFAULT 0,
  CHECK ((status = 'declined') = (decline_code IS NOT NULL)),
  CHECK (refunded_amount BETWEEN 0 AND CASE status WHEN 'succeeded' THEN amount ELSE 0 END)
);

CREATE TABLE payment_refund (
  id uuid PRIMARY KEY,
  payment_id uuid NOT NULL REFERENCES payment (id),
  idempotency_key text NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 100),
  amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
  created_at timestamptz NOT NULL
);

-- Counts the attempts to pay and to refund. A sequence takes no lock, so attempts never wait for each other's commit, as they would for a
-- counter in a row.
CREATE SEQUENCE payment_attempt;

-- counted_from is the value of the sequence when the seed was set: attempt n of a seed is payment_attempt - counted_from.
CREATE TABLE fault_setting (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  seed bigint NOT NULL CHECK (seed BETWEEN 0 AND 4294967295),
  counted_from bigint NOT NULL,
  latency_p50_ms int NOT NULL CHECK (latency_p50_ms BETWEEN 0 AND 60000),
  latency_p99_ms int NOT NULL CHECK (latency_p99_ms BETWEEN latency_p50_ms AND 60000),
  rates jsonb NOT NULL,
  outage boolean NOT NULL
);

-- Mildly unreliable, as real payment providers are: some delay, and one answer in twenty to be tried again.
INSERT INTO fault_setting (seed, counted_from, latency_p50_ms, latency_p99_ms, rates, outage)
VALUES (1, 0, 60, 400,
  '{"error500": 0.02, "unavailable503": 0.03, "declined": 0, "timeoutBeforeCapture": 0, "timeoutAfterCapture": 0,
    "connectionReset": 0, "duplicateEvent": 0, "lateEvent": 0}',
  false);

CREATE TABLE outbox (
  seq bigserial PRIMARY KEY,
  message_id uuid NOT NULL UNIQUE,
  type text NOT NULL,
  body text NOT NULL,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
