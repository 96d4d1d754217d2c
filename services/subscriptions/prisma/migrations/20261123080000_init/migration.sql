CREATE TABLE plan (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL UNIQUE,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  interval_unit text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
  interval_count int NOT NULL CHECK (interval_count > 0),
  active boolean NOT NULL,
  -- What is sold now, and what those who have it get from their next period on.
  version int NOT NULL CHECK (version >= 1),
  version_for_all int NOT NULL CHECK (version_for_all BETWEEN 1 AND version),
  created_at timestamptz(3) NOT NULL
);

-- What was sold, and at which price. Never changed, never deleted.
CREATE TABLE plan_version (
  plan_id uuid NOT NULL REFERENCES plan,
  version int NOT NULL CHECK (version >= 1),
  name text NOT NULL,
  description text NOT NULL,
  price_amount bigint NOT NULL CHECK (price_amount > 0 AND price_amount <= 9007199254740991),
  trial_days int NOT NULL CHECK (trial_days >= 0),
  grace_days int NOT NULL CHECK (grace_days >= 0),
  access_during_grace boolean NOT NULL,
  notice_days int NOT NULL CHECK (notice_days >= 0),
  for_all boolean NOT NULL,
  created_at timestamptz(3) NOT NULL,
  PRIMARY KEY (plan_id, version)
);

-- One row is the whole state of a subscription, so every decision is made under the lock of one row.
CREATE TABLE subscription (
  id uuid PRIMARY KEY,
  seq bigserial NOT NULL,
  user_id uuid NOT NULL,
  -- What was agreed, copied from a version of the plan.
  plan_id uuid NOT NULL REFERENCES plan,
  plan_name text NOT NULL,
  plan_version int NOT NULL CHECK (plan_version >= 1),
  price_amount bigint NOT NULL CHECK (price_amount > 0 AND price_amount <= 9007199254740991),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  interval_unit text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
  interval_count int NOT NULL CHECK (interval_count > 0),
  grace_days int NOT NULL CHECK (grace_days >= 0),
  access_during_grace boolean NOT NULL,
  notice_days int NOT NULL CHECK (notice_days >= 0),
  time_zone text NOT NULL,
  -- Where it stands.
  status text NOT NULL,
  anchor timestamptz(3) NOT NULL,
  period_number int NOT NULL CHECK (period_number >= -1),
  current_period_start timestamptz(3),
  current_period_end timestamptz(3),
  is_trial boolean NOT NULL,
  -- What the current period was paid with: [{chargeId, amountMinor, start, end}].
  paid_parts jsonb NOT NULL CHECK (jsonb_typeof(paid_parts) = 'array'),
  -- Terms of the plan it changes to, all that stand above.
  change jsonb,
  -- The charge it waits for.
  charge_id uuid,
  charge_state text CHECK (
    charge_state IN ('requested', 'waiting', 'voiding', 'returning', 'change_requested', 'change_voiding')),
  charge_amount bigint CHECK (charge_amount > 0),
  charge_period_start timestamptz(3),
  charge_period_end timestamptz(3),
  charge_period_number int CHECK (charge_period_number >= 0),
  charge_asked_at timestamptz(3),
  charge_ask_again_at timestamptz(3),
  charge_shortfall bigint CHECK (charge_shortfall > 0),
  charge_version int CHECK (charge_version >= 0),
  cancel_at timestamptz(3),
  paused_at timestamptz(3),
  grace_ends_at timestamptz(3),
  noticed_at timestamptz(3),
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
  CONSTRAINT subscription_ask_again CHECK (
    (charge_ask_again_at IS NULL) = (coalesce(charge_state, 'waiting') = 'waiting')),
  -- Nothing is forgotten: the scheduler has it, unless it is the customer's turn, or it is over.
  CONSTRAINT subscription_next_action CHECK (
    (next_action_at IS NULL) = (status = 'expired' OR (status = 'paused' AND charge_id IS NULL))),
  -- Whoever has access has paid, or is on trial.
  CONSTRAINT subscription_paid CHECK (
    current_period_end IS NULL OR is_trial OR paid_parts <> '[]' OR status = 'expired'
    OR (status = 'canceled' AND charge_state = 'returning')),
  CONSTRAINT subscription_change CHECK (
    (change IS NULL OR status IN ('active', 'paused') OR charge_state = 'change_voiding')
    AND (change IS NOT NULL OR coalesce(charge_state, 'none') NOT IN ('change_requested', 'change_voiding'))),
  CONSTRAINT subscription_pause CHECK ((paused_at IS NOT NULL) = (status = 'paused')),
  CONSTRAINT subscription_status CHECK (
    CASE status
      WHEN 'incomplete' THEN charge_state IN ('requested', 'waiting', 'voiding') AND current_period_end IS NULL
        AND (charge_state = 'requested') = (grace_ends_at IS NULL)
      WHEN 'trialing' THEN is_trial AND coalesce(charge_state, 'requested') = 'requested' AND cancel_at IS NULL
      WHEN 'active' THEN current_period_end IS NOT NULL AND NOT is_trial AND cancel_at IS NULL
        AND coalesce(charge_state, 'requested') IN ('requested', 'change_requested')
      WHEN 'pending_renewal' THEN current_period_end IS NOT NULL AND grace_ends_at IS NOT NULL AND cancel_at IS NULL
        AND coalesce(charge_state, 'none') IN ('waiting', 'voiding')
      WHEN 'paused' THEN current_period_end IS NOT NULL AND coalesce(charge_state, 'voiding') = 'voiding' AND cancel_at IS NULL
      WHEN 'canceled' THEN cancel_at IS NOT NULL
        AND coalesce(charge_state, 'voiding') IN ('voiding', 'returning', 'change_voiding')
        AND (current_period_end IS NOT NULL OR charge_id IS NOT NULL)
      WHEN 'expired' THEN charge_id IS NULL
      ELSE false
    END)
);
-- The scheduler's whole work list, and nothing else.
CREATE INDEX subscription_due ON subscription (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE UNIQUE INDEX subscription_charge ON subscription (charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX subscription_of_user ON subscription (user_id, seq DESC);
-- What somebody may use now, however much is over.
CREATE INDEX subscription_of_user_by_status ON subscription (user_id, status);
CREATE INDEX subscription_by_seq ON subscription (seq DESC);

-- Nobody pays for one plan twice at a time: what a live subscription has, and what it changes to, is taken.
CREATE TABLE plan_holding (
  user_id uuid NOT NULL,
  plan_id uuid NOT NULL REFERENCES plan,
  subscription_id uuid NOT NULL REFERENCES subscription,
  CONSTRAINT plan_holding_once PRIMARY KEY (user_id, plan_id)
);
CREATE INDEX plan_holding_of_subscription ON plan_holding (subscription_id);

-- The plans somebody ever had: a trial is for the first time.
CREATE TABLE plan_taken (
  user_id uuid NOT NULL,
  plan_id uuid NOT NULL REFERENCES plan,
  PRIMARY KEY (user_id, plan_id)
);

-- What became of each paid charge, once: it bought a period, an upgrade for the rest of one, or nothing and is given back.
-- Never changed, never deleted.
CREATE TABLE paid_charge (
  charge_id uuid PRIMARY KEY,
  subscription_id uuid NOT NULL REFERENCES subscription,
  bought text NOT NULL CHECK (bought IN ('period', 'upgrade', 'nothing')),
  period_start timestamptz(3),
  period_end timestamptz(3),
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  paid_at timestamptz(3) NOT NULL,
  CONSTRAINT paid_charge_period CHECK (
    CASE bought WHEN 'nothing' THEN num_nulls(period_start, period_end) = 2
      ELSE num_nulls(period_start, period_end) = 0 AND period_start < period_end END)
);
-- A period is bought once.
CREATE UNIQUE INDEX paid_charge_period_once ON paid_charge (subscription_id, period_start) WHERE bought = 'period';
CREATE INDEX paid_charge_at ON paid_charge USING brin (paid_at);

-- What was asked to be given back. Never changed, never deleted.
CREATE TABLE refund_asked (
  id uuid PRIMARY KEY,
  charge_id uuid NOT NULL REFERENCES paid_charge,
  subscription_id uuid NOT NULL REFERENCES subscription,
  amount bigint NOT NULL CHECK (amount > 0),
  currency text NOT NULL,
  reason text NOT NULL,
  asked_at timestamptz(3) NOT NULL,
  -- By the server's clock, where the other is of business time.
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX refund_asked_of_charge ON refund_asked (charge_id);

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
  actor_id uuid,
  actor_role text CHECK (actor_role IN ('customer', 'operator')),
  note text,
  charge_id uuid,
  skipped_periods int NOT NULL CHECK (skipped_periods >= 0),
  -- By how much monthly recurring revenue changed.
  mrr_change bigint NOT NULL,
  currency text NOT NULL,
  at timestamptz(3) NOT NULL,
  PRIMARY KEY (subscription_id, version),
  CHECK ((actor_id IS NULL) = (actor_role IS NULL))
);
-- What the metrics are summed from: of all moves, those that change a count.
CREATE INDEX timeline_entry_change ON timeline_entry (at) INCLUDE (from_status, to_status, currency, mrr_change)
  WHERE from_status IS DISTINCT FROM to_status OR mrr_change <> 0;
-- What a walk of the clock sums up step by step, so that each step reads its own rows and no others.
CREATE INDEX timeline_entry_paid ON timeline_entry (at) INCLUDE (from_status, to_status, charge_id) WHERE trigger = 'paid';
-- An extension whose answer was lost is asked for again under the same key, and made once.
CREATE UNIQUE INDEX timeline_entry_extended_once ON timeline_entry (cause_id) WHERE trigger = 'extend';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER plan_version_is_immutable BEFORE UPDATE OR DELETE ON plan_version
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER paid_charge_is_immutable BEFORE UPDATE OR DELETE ON paid_charge
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_asked_is_immutable BEFORE UPDATE OR DELETE ON refund_asked
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_entry_is_immutable BEFORE UPDATE OR DELETE ON timeline_entry
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A row while an operator has stopped the schedulers.
CREATE TABLE scheduler_pause (id boolean PRIMARY KEY DEFAULT true CHECK (id), paused_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE outbox (seq bigserial PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, body text NOT NULL, leased_until timestamptz NOT NULL DEFAULT '-infinity', attempts int NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE inbox (consumer text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, message_id));
CREATE TABLE idempotency_key (user_id uuid NOT NULL, key text NOT NULL, request_hash text NOT NULL, resource_id uuid NOT NULL, status_code int, body text, location text, locked_until timestamptz NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, key));
CREATE TABLE rate_limit (key bytea PRIMARY KEY, used int NOT NULL CHECK (used >= 0), window_ends_at timestamptz NOT NULL);
CREATE INDEX rate_limit_window_ends_at_idx ON rate_limit (window_ends_at);
CREATE TABLE billing_clock (id boolean PRIMARY KEY DEFAULT true CHECK (id), offset_ms bigint NOT NULL CHECK (offset_ms >= 0));
