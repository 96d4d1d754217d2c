CREATE TABLE plan (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  name text NOT NULL,
  description text NOT NULL,
  price_amount bigint NOT NULL CHECK (price_amount > 0 AND price_amount <= 9007199254740991),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  interval_unit text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
  interval_count int NOT NULL CHECK (interval_count > 0),
  trial_days int NOT NULL CHECK (trial_days >= 0),
  grace_days int NOT NULL CHECK (grace_days >= 0),
  access_during_grace boolean NOT NULL,
  active boolean NOT NULL,
  created_at timestamptz(3) NOT NULL
);

-- One row is the whole state of a subscription, so every decision is made under the lock of one row.
CREATE TABLE subscription (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL,
  user_id uuid NOT NULL,
  -- What was agreed at subscribe, copied from the plan.
  plan_id uuid NOT NULL REFERENCES plan,
  plan_name text NOT NULL,
  price_amount bigint NOT NULL CHECK (price_amount > 0 AND price_amount <= 9007199254740991),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  interval_unit text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
  interval_count int NOT NULL CHECK (interval_count > 0),
  grace_days int NOT NULL CHECK (grace_days >= 0),
  access_during_grace boolean NOT NULL,
  time_zone text NOT NULL,
  -- Where it stands.
  status text NOT NULL,
  anchor timestamptz(3) NOT NULL,
  period_number int NOT NULL CHECK (period_number >= -1),
  current_period_start timestamptz(3),
  current_period_end timestamptz(3),
  -- The charge it waits for.
  charge_id uuid,
  charge_state text CHECK (charge_state IN ('requested', 'waiting', 'voiding')),
  charge_amount bigint CHECK (charge_amount > 0),
  charge_period_start timestamptz(3),
  charge_period_end timestamptz(3),
  charge_period_number int CHECK (charge_period_number >= 0),
  charge_asked_at timestamptz(3),
  charge_remind_at timestamptz(3),
  charge_shortfall bigint CHECK (charge_shortfall > 0),
  charge_version int CHECK (charge_version >= 0),
  cancel_at timestamptz(3),
  grace_ends_at timestamptz(3),
  next_action_at timestamptz(3),
  version int NOT NULL CHECK (version >= 1),
  created_at timestamptz(3) NOT NULL,

  CONSTRAINT subscription_period CHECK (
    (current_period_start IS NULL) = (current_period_end IS NULL) AND current_period_start < current_period_end),
  CONSTRAINT subscription_charge_is_whole CHECK (
    num_nulls(charge_id, charge_state, charge_amount, charge_period_start, charge_period_end, charge_period_number,
              charge_asked_at, charge_version) IN (0, 8)
    AND (charge_id IS NOT NULL OR charge_shortfall IS NULL)
    AND charge_period_start < charge_period_end),
  -- The wallet is asked again until it has answered.
  CONSTRAINT subscription_reminder CHECK (
    (charge_remind_at IS NULL) = (coalesce(charge_state, 'waiting') = 'waiting')),
  -- Nothing is forgotten: the scheduler has it, unless it is the customer's turn, or it is over.
  CONSTRAINT subscription_next_action CHECK (
    (next_action_at IS NULL) = (status IN ('paused', 'expired'))),
  CONSTRAINT subscription_status CHECK (
    CASE status
      WHEN 'incomplete' THEN charge_id IS NOT NULL AND current_period_end IS NULL
        AND (charge_state = 'requested') = (grace_ends_at IS NULL)
      WHEN 'trialing' THEN current_period_end IS NOT NULL AND period_number = -1
        AND coalesce(charge_state, 'requested') = 'requested' AND cancel_at IS NULL
      WHEN 'active' THEN current_period_end IS NOT NULL AND period_number >= 0
        AND coalesce(charge_state, 'requested') = 'requested' AND cancel_at IS NULL
      WHEN 'pending_renewal' THEN current_period_end IS NOT NULL AND grace_ends_at IS NOT NULL AND cancel_at IS NULL
        AND coalesce(charge_state, 'none') IN ('waiting', 'voiding')
      WHEN 'paused' THEN charge_id IS NULL
      WHEN 'canceled' THEN cancel_at IS NOT NULL AND coalesce(charge_state, 'voiding') = 'voiding'
        AND (current_period_end IS NOT NULL OR charge_id IS NOT NULL)
      WHEN 'expired' THEN charge_id IS NULL
      ELSE false
    END)
);
-- The scheduler's whole work list, and nothing else.
CREATE INDEX subscription_due ON subscription (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE UNIQUE INDEX subscription_charge ON subscription (charge_id) WHERE charge_id IS NOT NULL;
-- Nobody pays for one plan twice at a time.
CREATE UNIQUE INDEX subscription_live ON subscription (user_id, plan_id) WHERE status <> 'expired';
CREATE INDEX subscription_of_user ON subscription (user_id, seq DESC);

-- What was paid for: one charge buys one period, and a period is bought once. Never changed, never deleted.
CREATE TABLE granted_period (
  charge_id uuid PRIMARY KEY,
  subscription_id uuid NOT NULL REFERENCES subscription,
  period_start timestamptz(3) NOT NULL,
  period_end timestamptz(3) NOT NULL CHECK (period_end > period_start),
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  granted_at timestamptz(3) NOT NULL,
  UNIQUE (subscription_id, period_start)
);

-- One row a move: what happened, and why. Its version is the subscription's after it. Never changed, never deleted.
CREATE TABLE timeline_entry (
  subscription_id uuid NOT NULL,
  version int NOT NULL,
  id uuid NOT NULL,
  from_status text,
  to_status text NOT NULL,
  trigger text NOT NULL,
  cause_type text NOT NULL,
  cause_id text NOT NULL,
  correlation_id text NOT NULL,
  charge_id uuid,
  skipped_periods int NOT NULL CHECK (skipped_periods >= 0),
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (subscription_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER granted_period_is_immutable BEFORE UPDATE OR DELETE ON granted_period
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_entry_is_immutable BEFORE UPDATE OR DELETE ON timeline_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE outbox (seq bigserial PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, body text NOT NULL, leased_until timestamptz NOT NULL DEFAULT '-infinity', attempts int NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE inbox (consumer text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, message_id));
CREATE TABLE idempotency_key (user_id uuid NOT NULL, key text NOT NULL, request_hash text NOT NULL, resource_id uuid NOT NULL, status_code int, body text, location text, locked_until timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, key));
CREATE TABLE billing_clock (id boolean PRIMARY KEY DEFAULT true CHECK (id), offset_ms bigint NOT NULL CHECK (offset_ms >= 0));
