/**
 * $1 user ids, $2 currencies, $3 account ids, aligned. Makes the accounts that are missing, in id order: two batches that
 * make the same accounts wait for each other in one direction and cannot deadlock.
 */
export const ENSURE_ACCOUNTS = {
  name: 'ensure-accounts',
  text: `
    INSERT INTO account (id, kind, user_id, currency, balance)
    SELECT id, 'user', user_id, currency, 0
    FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS wanted (user_id, currency, id)
    ORDER BY id
    ON CONFLICT DO NOTHING`,
};

/** $1 account ids. Locked in id order, for the same reason. What is read after this cannot change until commit. */
export const LOCK_ACCOUNTS = {
  name: 'lock-accounts',
  text: `
    SELECT id, user_id, currency, balance FROM account
    WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
};

/**
 * $1 account ids, $2 charge ids. Every charge that waits on these accounts, and every charge named, oldest first.
 * A separate statement after the lock, so that it sees what the transaction before us committed.
 */
export const READ_CHARGES = {
  name: 'read-charges',
  text: `
    SELECT id, seq, user_id, subscription_id, amount, currency, description, plan_name, upgrade, period_start, period_end,
           requested_at, status, refunded_amount, settled_at, version, correlation_id
    FROM charge WHERE account_id = ANY ($1::uuid[]) AND status = 'awaiting_funds'
    UNION
    SELECT id, seq, user_id, subscription_id, amount, currency, description, plan_name, upgrade, period_start, period_end,
           requested_at, status, refunded_amount, settled_at, version, correlation_id
    FROM charge WHERE id = ANY ($2::uuid[])
    ORDER BY seq`,
};
