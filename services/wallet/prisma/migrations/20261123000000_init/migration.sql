-- Accounts. A user's account keeps its balance; the platform's accounts are only ever summed, so that no row is hot.
CREATE TABLE account (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('user', 'clearing', 'revenue', 'adjustments', 'promotions')),
  user_id uuid,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  balance bigint CHECK (balance >= 0 AND balance <= 9007199254740991),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((kind = 'user') = (user_id IS NOT NULL)),
  CHECK ((kind = 'user') = (balance IS NOT NULL)),
  UNIQUE (id, currency)
);
CREATE UNIQUE INDEX account_of_user ON account (user_id, currency) WHERE kind = 'user';
CREATE UNIQUE INDEX account_of_platform ON account (kind, currency) WHERE kind <> 'user';

-- Transfers: double entry by construction. (kind, reference) makes each thing that moves money move it once.
CREATE TABLE transfer (
  seq bigserial PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('top_up', 'charge', 'refund', 'payout', 'adjustment')),
  reference uuid NOT NULL,
  debit_account_id uuid NOT NULL,
  credit_account_id uuid NOT NULL,
  account_id uuid NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0 AND amount <= 9007199254740991),
  balance_after bigint NOT NULL CHECK (balance_after >= 0 AND balance_after <= 9007199254740991),
  description text NOT NULL,
  business_time timestamptz(3) NOT NULL,
  correlation_id text NOT NULL,
  causation_id text,
  -- The event or request it came from, and who asked where that was an operator.
  cause_type text NOT NULL,
  actor_id uuid,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  UNIQUE (kind, reference),
  CHECK (debit_account_id <> credit_account_id),
  CHECK (account_id IN (debit_account_id, credit_account_id)),
  -- The currency is part of both keys, so money cannot change currency on its way.
  FOREIGN KEY (debit_account_id, currency) REFERENCES account (id, currency),
  FOREIGN KEY (credit_account_id, currency) REFERENCES account (id, currency)
);
CREATE INDEX transfer_statement ON transfer (account_id, seq DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER transfer_is_immutable BEFORE UPDATE OR DELETE ON transfer FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_is_not_truncated BEFORE TRUNCATE ON transfer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Charges. Every change of one happens under the lock of its account's row.
CREATE TABLE charge (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  account_id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0 AND amount <= 9007199254740991),
  currency text NOT NULL,
  description text NOT NULL,
  plan_name text NOT NULL,
  upgrade boolean NOT NULL,
  period_start timestamptz(3) NOT NULL,
  period_end timestamptz(3) NOT NULL CHECK (period_end > period_start),
  requested_at timestamptz(3) NOT NULL,
  status text NOT NULL CHECK (status IN ('awaiting_funds', 'paid', 'voided', 'refunded')),
  refunded_amount bigint NOT NULL DEFAULT 0 CHECK (refunded_amount >= 0 AND refunded_amount <= amount),
  settled_at timestamptz(3),
  version int NOT NULL CHECK (version >= 1),
  correlation_id text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((status = 'awaiting_funds') = (settled_at IS NULL)),
  CHECK (refunded_amount = 0 OR status IN ('paid', 'refunded')),
  CHECK ((status = 'refunded') = (refunded_amount = amount)),
  FOREIGN KEY (account_id, currency) REFERENCES account (id, currency)
);
CREATE INDEX charge_awaiting_funds ON charge (account_id, seq) WHERE status = 'awaiting_funds';

-- A charge that is paid or voided stays so: nothing can pay it again. A paid one may be given back, and no more than once.
CREATE FUNCTION keep_settled_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'paid' AND NEW.status IN ('paid', 'refunded') AND NEW.refunded_amount > OLD.refunded_amount THEN
    RETURN NEW;
  END IF;
  IF OLD.status <> 'awaiting_funds' THEN
    RAISE EXCEPTION 'charge % is % and cannot become %', OLD.id, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER charge_stays_settled BEFORE UPDATE ON charge FOR EACH ROW EXECUTE FUNCTION keep_settled_charge();

CREATE TABLE top_up (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  user_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0 AND amount <= 9007199254740991),
  currency text NOT NULL,
  payment_method text NOT NULL,
  origin text NOT NULL DEFAULT 'customer' CHECK (origin IN ('customer', 'auto')),
  status text NOT NULL CHECK (status IN ('processing', 'succeeded', 'failed')),
  failure_code text,
  failure_message text,
  payment_id uuid UNIQUE,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz(3),
  business_time timestamptz(3) NOT NULL,
  correlation_id text NOT NULL,
  settled_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((status = 'processing') = (next_attempt_at IS NOT NULL)),
  CHECK ((status = 'processing') = (settled_at IS NULL)),
  CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
  CHECK ((status = 'succeeded') = (payment_id IS NOT NULL))
);
CREATE INDEX top_up_of_user ON top_up (user_id, seq DESC);
CREATE INDEX top_up_unfinished_of_user ON top_up (user_id) WHERE status = 'processing';
CREATE INDEX top_up_unfinished ON top_up (next_attempt_at) WHERE status = 'processing';

-- No more than one automatic top-up of an account is ever under way.
CREATE UNIQUE INDEX top_up_auto_under_way ON top_up (user_id, currency) WHERE origin = 'auto' AND status = 'processing';
-- What automatic top-ups took within a day, for their cap.
CREATE INDEX top_up_auto_of_account ON top_up (user_id, currency, business_time) WHERE origin = 'auto';

-- What was tried at the payment gateway, for the explanation of a transaction: one row a call, written after it.
CREATE TABLE payment_attempt (
  seq bigserial PRIMARY KEY,
  subject_id uuid NOT NULL,
  operation text NOT NULL CHECK (operation IN ('pay', 'look_up', 'refund')),
  outcome text NOT NULL,
  started_at timestamptz(3) NOT NULL,
  duration_ms int NOT NULL CHECK (duration_ms >= 0)
);
CREATE INDEX payment_attempt_of ON payment_attempt (subject_id, seq);

-- Money given back of a paid charge. While one that goes to the payment method is processing, its amount is spoken for.
CREATE TABLE refund (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  charge_id uuid NOT NULL REFERENCES charge,
  user_id uuid NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  destination text NOT NULL CHECK (destination IN ('balance', 'payment_method')),
  -- The payment it goes back to.
  top_up_id uuid REFERENCES top_up,
  status text NOT NULL CHECK (status IN ('processing', 'succeeded')),
  reason text NOT NULL,
  actor_id uuid,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz(3),
  correlation_id text NOT NULL,
  causation_id text,
  cause_type text NOT NULL,
  business_time timestamptz(3) NOT NULL,
  settled_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CHECK ((status = 'processing') = (next_attempt_at IS NOT NULL)),
  CHECK ((status = 'processing') = (settled_at IS NULL)),
  CHECK (status <> 'processing' OR destination = 'payment_method'),
  CHECK (destination = 'balance' OR top_up_id IS NOT NULL)
);
CREATE INDEX refund_of_charge ON refund (charge_id);
CREATE INDEX refund_of_top_up ON refund (top_up_id) WHERE top_up_id IS NOT NULL;
CREATE INDEX refund_unfinished ON refund (next_attempt_at) WHERE status = 'processing';

CREATE TABLE payment_method (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  user_id uuid NOT NULL,
  token text NOT NULL,
  brand text NOT NULL,
  last4 text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  UNIQUE (user_id, token)
);

CREATE TABLE auto_top_up (
  user_id uuid NOT NULL,
  currency text NOT NULL,
  enabled boolean NOT NULL,
  payment_method_id uuid REFERENCES payment_method ON DELETE SET NULL,
  threshold bigint NOT NULL CHECK (threshold >= 0),
  amount bigint NOT NULL CHECK (amount > 0),
  max_per_day bigint NOT NULL CHECK (max_per_day > 0),
  -- Declines in a row, and how long they make it rest.
  declines int NOT NULL DEFAULT 0 CHECK (declines >= 0),
  rests_until timestamptz(3),
  last_failure text,
  PRIMARY KEY (user_id, currency)
);
CREATE INDEX auto_top_up_resting ON auto_top_up (rests_until) WHERE enabled AND rests_until IS NOT NULL;

CREATE TABLE outbox (seq bigserial PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, body text NOT NULL, leased_until timestamptz NOT NULL DEFAULT '-infinity', attempts int NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE inbox (consumer text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, message_id));
CREATE TABLE idempotency_key (user_id uuid NOT NULL, key text NOT NULL, request_hash text NOT NULL, resource_id uuid NOT NULL, status_code int, body text, location text, locked_until timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, key));
CREATE TABLE rate_limit (key bytea PRIMARY KEY, used int NOT NULL CHECK (used >= 0), window_ends_at timestamptz NOT NULL);
CREATE INDEX rate_limit_window_ends_at_idx ON rate_limit (window_ends_at);
CREATE TABLE billing_clock (id boolean PRIMARY KEY DEFAULT true CHECK (id), offset_ms bigint NOT NULL CHECK (offset_ms >= 0));

-- The service may add transfers and read them, nothing else. Where the roles do not exist, the triggers above still hold.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'evergreen_wallet') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON transfer FROM evergreen_wallet;
    REVOKE DELETE, TRUNCATE ON account, charge, top_up, refund, payment_attempt FROM evergreen_wallet;
  END IF;
END $$;
