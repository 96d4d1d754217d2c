import { PlanChangeDue } from '@evergreen/contracts/events/subscriptions.ts';
import { expect } from '@jest/globals';
import type pg from 'pg';

/** Signed as the user's balance sees it. */
const CHANGE = 'CASE WHEN t.credit_account_id = t.account_id THEN t.amount ELSE -t.amount END';

/** Each finds what breaks a rule of the ledger, and so has no rows. The name of the rule is what the test reports. */
const RULES: Record<string, string> = {
  'a balance is the sum of its transfers': `
    SELECT a.user_id, a.currency, a.balance, s.sum FROM account a
    CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN t.credit_account_id = a.id THEN t.amount ELSE -t.amount END), 0) AS sum
                        FROM transfer t WHERE a.id IN (t.credit_account_id, t.debit_account_id)) s
    WHERE a.kind = 'user' AND a.balance <> s.sum`,

  'no balance is below zero, neither now nor after any transfer': `
    SELECT id::text FROM account WHERE balance < 0
    UNION ALL SELECT id::text FROM transfer WHERE balance_after < 0`,

  'each transfer leaves the balance that the one before it left, changed by its amount': `
    SELECT * FROM (
      SELECT t.seq, t.kind, t.account_id, ${CHANGE} AS change, t.balance_after,
             coalesce(lag(t.balance_after) OVER (PARTITION BY t.account_id ORDER BY t.seq), 0) AS balance_before
      FROM transfer t) chain
    WHERE balance_before + change <> balance_after`,

  'the last transfer leaves the balance': `
    SELECT a.id, a.balance FROM account a
    WHERE a.kind = 'user' AND a.balance <> coalesce(
      (SELECT t.balance_after FROM transfer t WHERE t.account_id = a.id ORDER BY t.seq DESC LIMIT 1), 0)`,

  'each kind of transfer goes between the user and its own platform account, in the account’s currency': `
    SELECT t.kind, d.kind AS debit, c.kind AS credit FROM transfer t
    JOIN account d ON d.id = t.debit_account_id JOIN account c ON c.id = t.credit_account_id
    WHERE NOT (
      d.currency = t.currency AND c.currency = t.currency AND t.account_id = CASE WHEN d.kind = 'user' THEN d.id ELSE c.id END
      AND (t.kind, d.kind, c.kind) IN (
        ('top_up', 'clearing', 'user'), ('charge', 'user', 'revenue'), ('refund', 'revenue', 'user'),
        ('payout', 'user', 'clearing'), ('adjustment', 'adjustments', 'user'), ('adjustment', 'user', 'adjustments')))`,

  'what users have is what the platform’s accounts have given, per currency': `
    SELECT currency, users, platform FROM (
      SELECT u.currency, sum(u.balance) AS users,
             (SELECT coalesce(sum(CASE WHEN p.id = t.debit_account_id THEN t.amount ELSE -t.amount END), 0)
              FROM transfer t JOIN account p ON p.kind <> 'user' AND p.id IN (t.debit_account_id, t.credit_account_id)
              WHERE t.currency = u.currency) AS platform
      FROM account u WHERE u.kind = 'user' GROUP BY u.currency) sums
    WHERE users <> platform`,

  'a charge is debited once if it was paid, and else never': `
    SELECT c.id, c.status, count(t.id) FROM charge c LEFT JOIN transfer t ON t.kind = 'charge' AND t.reference = c.id
    GROUP BY c.id HAVING count(t.id) <> (c.status IN ('paid', 'refunded'))::int
    UNION ALL
    SELECT t.reference, 'unknown', 1 FROM transfer t
    WHERE t.kind = 'charge' AND NOT EXISTS (SELECT FROM charge c WHERE c.id = t.reference)`,

  'a charge is debited by its own amount, from its own account': `
    SELECT c.id FROM charge c JOIN transfer t ON t.kind = 'charge' AND t.reference = c.id
    WHERE t.amount <> c.amount OR t.account_id <> c.account_id`,

  'a change of plan is paid in the moment it is asked for, and so never by a later credit': `
    SELECT c.id, c.requested_at, t.business_time FROM transfer t JOIN charge c ON c.id = t.reference
    WHERE t.kind = 'charge' AND t.cause_type = '${PlanChangeDue.type}' AND t.business_time <> c.requested_at`,

  'a charge that waits is larger than the balance it waits for': `
    SELECT c.id, c.amount, a.balance FROM charge c JOIN account a ON a.id = c.account_id
    WHERE c.status = 'awaiting_funds' AND c.amount <= a.balance`,

  'what was given back of a charge is what its refunds moved, and never more than was paid': `
    SELECT c.id, c.amount, c.refunded_amount, moved.sum FROM charge c
    CROSS JOIN LATERAL (SELECT coalesce(sum(t.amount), 0) AS sum FROM refund r
                        JOIN transfer t ON t.kind = 'refund' AND t.reference = r.id WHERE r.charge_id = c.id) moved
    CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount), 0) AS sum FROM refund r WHERE r.charge_id = c.id) asked
    WHERE moved.sum <> c.refunded_amount OR asked.sum > c.amount`,

  'a refund moves money once if it succeeded, out again once if it went to the payment method, and else never': `
    SELECT r.id, r.status, r.destination FROM refund r
    LEFT JOIN transfer i ON i.kind = 'refund' AND i.reference = r.id
    LEFT JOIN transfer o ON o.kind = 'payout' AND o.reference = r.id
    WHERE i.amount IS DISTINCT FROM CASE WHEN r.status = 'succeeded' THEN r.amount END
       OR o.amount IS DISTINCT FROM CASE WHEN r.status = 'succeeded' AND r.destination = 'payment_method' THEN r.amount END`,

  'no refund moves money without a row that says why': `
    SELECT t.id FROM transfer t
    WHERE t.kind IN ('refund', 'payout') AND NOT EXISTS (SELECT FROM refund r WHERE r.id = t.reference)`,

  'a top-up is credited once, by its own amount, if it succeeded, and else never': `
    SELECT u.id, u.status, t.reference, t.amount FROM top_up u
    FULL JOIN (SELECT reference, amount FROM transfer WHERE kind = 'top_up') t ON t.reference = u.id
    WHERE t.amount IS DISTINCT FROM CASE WHEN u.status = 'succeeded' THEN u.amount END`,
};

/** The wallet's own books keep every rule, over all users and currencies. Holds at any moment, under any load. */
export async function expectLedgerToAddUp(db: pg.Pool): Promise<void> {
  const broken: Record<string, unknown[]> = {};
  for (const [rule, sql] of Object.entries(RULES)) {
    const { rows } = await db.query(sql);
    if (rows.length > 0) broken[rule] = rows.slice(0, 5);
  }
  expect(broken).toEqual({});
}

interface Movement {
  key: string;
  currency: string;
  amount: string;
}

/**
 * The wallet's books and the payment gateway's agree to the unit, payment by payment: credits are captures, payouts are
 * refunds. Holds once nothing is under way.
 */
export async function expectGatewayToAgree(db: pg.Pool, gatewayDb: pg.Pool): Promise<void> {
  const movements = async (pool: pg.Pool, sql: string) => (await pool.query<Movement>(sql)).rows;
  const transfers = (kind: string) =>
    movements(db, `SELECT reference::text AS key, currency, amount FROM transfer WHERE kind = '${kind}' ORDER BY 1`);
  expect(await transfers('top_up')).toEqual(
    await movements(
      gatewayDb,
      `SELECT idempotency_key AS key, currency, amount FROM payment WHERE status = 'succeeded' ORDER BY 1`,
    ),
  );
  expect(await transfers('payout')).toEqual(
    await movements(
      gatewayDb,
      `SELECT r.idempotency_key AS key, p.currency, r.amount FROM payment_refund r JOIN payment p ON p.id = r.payment_id ORDER BY 1`,
    ),
  );
  const unfinished = `SELECT id::text FROM top_up WHERE status = 'processing'
                      UNION ALL SELECT id::text FROM refund WHERE status = 'processing'`;
  expect((await db.query(unfinished)).rows).toEqual([]);
}
