import type { Refund as RefundAnswer } from '@evergreen/contracts/http/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import { type Cause, userAccountId } from './decisions/accounts.ts';
import { postToLedger } from './ledger-store.ts';
import { PURSUIT_LEASE_SECONDS } from './pursuits.ts';

export interface NewRefund {
  id: string;
  /** Whose charge it has to be. */
  userId: string;
  chargeId: string;
  /** Minor units; all that is left of the charge when not given. */
  amount?: number;
  /** Whether what is left of the charge will do, when that is less than `amount`. */
  orLess?: boolean;
  to: 'balance' | 'payment_method';
  reason: string;
  /** RFC 3339. */
  businessTime: string;
  cause: Cause;
}

export interface RefundRow {
  id: string;
  chargeId: string;
  userId: string;
  amount: number;
  currency: Currency;
  destination: RefundAnswer['to'];
  status: RefundAnswer['status'];
  reason: string;
  /** The payment at the gateway it goes back to. */
  paymentId: string | null;
  actorId: string | null;
  causeType: string;
  correlationId: string;
  causationId: string | null;
  attempts: number;
  businessTime: string;
}

const COLUMNS = `r.id, r.charge_id AS "chargeId", r.user_id AS "userId", r.amount, r.currency, r.destination, r.status,
  r.reason, r.actor_id AS "actorId", r.cause_type AS "causeType", r.correlation_id AS "correlationId",
  r.causation_id AS "causationId", r.attempts,
  (SELECT payment_id FROM top_up WHERE top_up.id = r.top_up_id) AS "paymentId",
  to_char(r.business_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "businessTime"`;

/**
 * Gives money back to the balance, or writes down that it will be asked back from the gateway, which reserves it. The same id again
 * changes nothing and answers what is there.
 * @throws Problem not_found when the user has no such charge; refund_not_possible when nothing is left of it, or less than was
 * asked for and that will not do, or no payment of the user can take so much back
 */
export async function recordRefund(
  client: pg.PoolClient,
  refund: NewRefund,
  refill: Refill,
): Promise<{ row: RefundRow; isNew: boolean }> {
  const charge = await lockAccountOfCharge(client, refund);
  const existing = await findRefund(client, refund.id);
  if (existing) return { row: existing, isNew: false };
  if (!charge) throw new Problem('not_found', 'There is no such charge');

  const left = await refundable(client, refund.chargeId);
  const asked = refund.amount ?? left;
  const amount = refund.orLess ? Math.min(asked, left) : asked;
  if (amount > left || left === 0) {
    throw new Problem('refund_not_possible', `Of this charge ${left} can be given back`);
  }
  const topUpId = refund.to === 'balance' ? null : await paymentToRefund(client, { ...charge, amount });
  await insertRefund(client, { ...refund, amount }, charge.currency, topUpId);
  if (refund.to === 'balance') await postRefund(client, { ...refund, amount, currency: charge.currency }, refill);
  const row = await findRefund(client, refund.id);
  if (!row) throw new Error(`refund ${refund.id} was written and is not there`);
  return { row, isNew: true };
}

/** Every refund of an account takes its turn here, so two can never both see the same money left. */
async function lockAccountOfCharge(
  client: pg.PoolClient,
  { chargeId, userId }: Pick<NewRefund, 'chargeId' | 'userId'>,
): Promise<{ userId: string; currency: Currency } | undefined> {
  const { rows } = await client.query<{ currency: Currency }>(
    'SELECT currency FROM charge WHERE id = $1 AND user_id = $2',
    [chargeId, userId],
  );
  const currency = rows[0]?.currency;
  if (!currency) return undefined;
  await client.query('SELECT FROM account WHERE id = $1 FOR NO KEY UPDATE', [userAccountId(userId, currency)]);
  return { userId, currency };
}

/** What can still be given back of a charge: refunds under way count as given. */
async function refundable(client: pg.PoolClient, chargeId: string): Promise<number> {
  const { rows } = await client.query<{ left: string }>(
    `SELECT c.amount - c.refunded_amount
            - (SELECT coalesce(sum(r.amount), 0) FROM refund r WHERE r.charge_id = c.id AND r.status = 'processing') AS left
     FROM charge c WHERE c.id = $1 AND c.status = 'paid'`,
    [chargeId],
  );
  return Number(rows[0]?.left ?? 0);
}

/** The newest captured payment of the user that can still take this much back. */
async function paymentToRefund(
  client: pg.PoolClient,
  { userId, currency, amount }: { userId: string; currency: Currency; amount: number },
): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT t.id FROM top_up t
     WHERE t.user_id = $1 AND t.currency = $2 AND t.status = 'succeeded'
       AND t.amount - (SELECT coalesce(sum(r.amount), 0) FROM refund r
                       WHERE r.top_up_id = t.id AND r.destination = 'payment_method') >= $3
     ORDER BY t.seq DESC LIMIT 1`,
    [userId, currency, amount],
  );
  if (!rows[0]) throw new Problem('refund_not_possible', 'No payment can take so much back; refund it to the balance');
  return rows[0].id;
}

async function insertRefund(
  client: pg.PoolClient,
  refund: NewRefund & { amount: number },
  currency: Currency,
  topUpId: string | null,
): Promise<void> {
  const { id, chargeId, userId, amount, to, reason, businessTime, cause } = refund;
  const status = to === 'balance' ? 'succeeded' : 'processing';
  await client.query(
    `INSERT INTO refund (id, charge_id, user_id, amount, currency, destination, top_up_id, status, reason, actor_id,
                         next_attempt_at, settled_at, correlation_id, causation_id, cause_type, business_time)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
             CASE WHEN $8 = 'processing' THEN clock_timestamp() + make_interval(secs => ${PURSUIT_LEASE_SECONDS}) END,
             CASE WHEN $8 = 'succeeded' THEN clock_timestamp() END, $11, $12, $13, $14)`,
    [
      ...[id, chargeId, userId, amount, currency, to, topUpId, status, reason, cause.actorId ?? null],
      ...[cause.correlationId, cause.causationId, cause.type, businessTime],
    ],
  );
}

const postRefund = (
  client: pg.PoolClient,
  {
    id,
    chargeId,
    userId,
    currency,
    amount,
    to,
    reason,
    businessTime,
    cause,
  }: NewRefund & { amount: number; currency: Currency },
  refill: Refill,
) =>
  postToLedger(
    client,
    [{ type: 'refund', refund: { id, chargeId, userId, currency, amount, to, reason, businessTime, cause } }],
    refill,
  );

async function findRefund(db: Pick<pg.Pool, 'query'>, id: string): Promise<RefundRow | undefined> {
  const { rows } = await db.query<RefundRow>(`SELECT ${COLUMNS} FROM refund r WHERE r.id = $1`, [id]);
  return rows[0];
}

/** @throws Problem not_found */
export async function readRefund(pool: pg.Pool, id: string): Promise<RefundRow> {
  const row = await findRefund(pool, id);
  if (!row) throw new Problem('not_found');
  return row;
}

/**
 * Brings refunds to their end that the gateway has decided, each once. One the gateway refuses goes to the balance instead: the customer
 * gets the money in any case. Ids that are no refunds of ours are an error.
 */
export async function settleRefund(
  client: pg.PoolClient,
  { refundId, to, businessTime }: { refundId: string; to: 'balance' | 'payment_method'; businessTime: string },
  refill: Refill,
): Promise<void> {
  const known = await findRefund(client, refundId);
  if (!known) throw new Error(`the gateway speaks of an unknown refund ${refundId}`);
  // The account first and the refund after it, in the order in which every refund takes them.
  await lockAccountOfCharge(client, known);
  const { rows } = await client.query<RefundRow>(
    `UPDATE refund r SET status = 'succeeded', destination = $2, next_attempt_at = NULL, settled_at = clock_timestamp()
     WHERE r.id = $1 AND r.status = 'processing' RETURNING ${COLUMNS}`,
    [refundId, to],
  );
  const [row] = rows;
  if (!row) return;
  const { id, chargeId, userId, currency, amount, reason, causeType: type, correlationId, causationId, actorId } = row;
  const cause = { type, correlationId, causationId, ...(actorId ? { actorId } : {}) };
  await postRefund(client, { id, chargeId, userId, currency, amount, to, reason, businessTime, cause }, refill);
}

export const settleRefundNow = (
  pool: pg.Pool,
  settlement: Parameters<typeof settleRefund>[1],
  refill: Refill,
): Promise<void> => inTransaction(pool, (client) => settleRefund(client, settlement, refill));

/** Takes up to `limit` unfinished refunds that nobody pursues, and leases them to the caller. */
export async function claimUnfinishedRefunds(pool: pg.Pool, limit: number): Promise<RefundRow[]> {
  const { rows } = await pool.query<RefundRow>(
    `UPDATE refund r SET attempts = attempts + 1,
            next_attempt_at = clock_timestamp() + make_interval(secs => ${PURSUIT_LEASE_SECONDS})
     WHERE id = ANY (ARRAY(SELECT id FROM refund WHERE status = 'processing' AND next_attempt_at <= clock_timestamp()
                           ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED))
     RETURNING ${COLUMNS}`,
    [limit],
  );
  return rows;
}

/** Lets an unfinished refund rest for `delayMs` before it is pursued again. */
export async function postponeRefund(pool: pg.Pool, id: string, delayMs: number): Promise<void> {
  await pool.query(
    `UPDATE refund SET next_attempt_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1 AND status = 'processing'`,
    [id, delayMs / 1000],
  );
}
