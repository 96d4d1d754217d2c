/**
 * $1 accounts, $2 charges, $3 transfers, each a JSON array: everything a batch decided, in one round trip. The balances are
 * absolute: they were computed under the accounts' locks, and each account stands here once.
 */
export const WRITE_POSTINGS = {
  name: 'write-postings',
  text: `
    WITH new_balance AS (
      UPDATE account SET balance = new.balance
      FROM jsonb_to_recordset($1::jsonb) AS new (id uuid, balance bigint)
      WHERE account.id = new.id
    ), new_charge AS (
      INSERT INTO charge (id, account_id, user_id, subscription_id, amount, currency, description, plan_name, upgrade,
                          period_start, period_end, requested_at, status, refunded_amount, settled_at, version, correlation_id)
      SELECT id, account_id, user_id, subscription_id, amount, currency, description, plan_name, upgrade,
             period_start, period_end, requested_at, status, refunded_amount, settled_at, version, correlation_id
      FROM jsonb_to_recordset($2::jsonb) AS new (
        id uuid, account_id uuid, user_id uuid, subscription_id uuid, amount bigint, currency text, description text,
        plan_name text, upgrade boolean, period_start timestamptz, period_end timestamptz, requested_at timestamptz, status text, refunded_amount bigint,
        settled_at timestamptz, version int, correlation_id text)
      ON CONFLICT (id) DO UPDATE
        SET status = excluded.status, refunded_amount = excluded.refunded_amount, settled_at = excluded.settled_at,
            version = excluded.version
    )
    INSERT INTO transfer (id, kind, reference, debit_account_id, credit_account_id, account_id, currency, amount,
                          balance_after, description, business_time, correlation_id, causation_id, cause_type, actor_id)
    SELECT id, kind, reference, debit_account_id, credit_account_id, account_id, currency, amount,
           balance_after, description, business_time, correlation_id, causation_id, cause_type, actor_id
    FROM jsonb_to_recordset($3::jsonb) AS new (
      id uuid, kind text, reference uuid, debit_account_id uuid, credit_account_id uuid, account_id uuid, currency text,
      amount bigint, balance_after bigint, description text, business_time timestamptz, correlation_id text,
      causation_id text, cause_type text, actor_id uuid)`,
};

/** $1 ids, $2 kinds, $3 currencies of platform accounts; after the first of a currency this finds them all there. */
export const ENSURE_PLATFORM_ACCOUNTS = {
  name: 'ensure-platform-accounts',
  text: `
    INSERT INTO account (id, kind, currency)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (id, kind, currency)
    ORDER BY id
    ON CONFLICT DO NOTHING`,
};
